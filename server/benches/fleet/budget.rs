//! What operations may cost.

use serde::{Deserialize, Serialize};

/// A bound for a ratio.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Budget {
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

/// What came of a row.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Within its budget.
    Met,
    /// Outside it.
    Missed,
    /// Measured; nothing is promised.
    NoBudget,
    /// Something that it needs is not there.
    Skipped,
    /// It could not be measured, or answers were wrong.
    Failed,
}

impl Budget {
    /// Judges a ratio.
    pub(crate) fn judge(self, value: f64) -> Verdict {
        let is_met = match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        };
        if is_met { Verdict::Met } else { Verdict::Missed }
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "**missed**",
            Self::NoBudget => "no budget",
            Self::Skipped => "skipped",
            Self::Failed => "**failed**",
        })
    }
}
