//! Text patterns.

use sea_orm::sea_query::LikeExpr;

/// Matches text that contains `part`, whose `%` and `_` stand for themselves.
pub(crate) fn contains(part: &str) -> LikeExpr {
    let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}
