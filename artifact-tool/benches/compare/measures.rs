//! Rows and their medians.

use hostile_artifacts::measured::Measured;

/// An operation that both tools do.
pub(crate) struct Pair {
    pub(crate) operation: &'static str,
    pub(crate) compression: &'static str,
    /// What the original calls it, if that differs.
    pub(crate) theirs_compression: &'static str,
    /// One each round.
    pub(crate) ours: Vec<Measured>,
    pub(crate) theirs: Vec<Measured>,
    /// Of what was written: ours, theirs.
    pub(crate) sizes: Option<(u64, u64)>,
}

/// An operation of ours alone.
pub(crate) struct Single {
    pub(crate) operation: &'static str,
    pub(crate) compression: &'static str,
    /// Size of the image.
    pub(crate) image: u64,
    pub(crate) runs: Vec<Measured>,
}

impl Pair {
    pub(crate) const fn new(
        operation: &'static str,
        compression: &'static str,
        theirs_compression: &'static str,
    ) -> Self {
        Self { operation, compression, theirs_compression, ours: Vec::new(), theirs: Vec::new(), sizes: None }
    }

    /// The median, least and greatest of the ratios, ours by theirs, of the rounds.
    pub(crate) fn ratio(&self, of: fn(&Measured) -> f64) -> (f64, f64, f64) {
        let mut ratios: Vec<f64> =
            self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| of(ours) / of(theirs)).collect();
        ratios.sort_by(f64::total_cmp);
        (ratios[ratios.len() / 2], ratios[0], ratios[ratios.len() - 1])
    }
}

/// The median of the runs.
pub(crate) fn median(runs: &[Measured], of: fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds.
pub(crate) fn wall(run: &Measured) -> f64 {
    run.wall.as_secs_f64()
}

/// Seconds.
pub(crate) fn cpu(run: &Measured) -> f64 {
    run.cpu.as_secs_f64()
}

/// MiB.
pub(crate) fn peak(run: &Measured) -> f64 {
    mebibytes(run.peak)
}

/// Bytes in MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 10).unwrap()) / 1024.0
}
