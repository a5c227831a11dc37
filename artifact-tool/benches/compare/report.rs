//! The tables.

use std::fmt::Write as _;
use std::process::Command;

use crate::measures::{Pair, Single, cpu, mebibytes, median, peak, wall};
use crate::{MIB, Scale, THEIRS};

/// Load averages of the machine.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

pub(crate) fn render(
    scale: &Scale,
    before: &str,
    pairs: &[Pair],
    alone: &[Single],
    growth: &[Single],
) -> String {
    let mut text = format!(
        "# What the artifact tool costs\n\n\
         Written by `cargo bench -p artifact-tool`. Both tools run in turns on the same files; a ratio is ours by theirs, \
         the median of the rounds ({} each, {} with xz) with the least and the greatest behind it. Below 1 ours is better. \
         CPU time is that of all threads in user and system mode, memory the peak of the process as the kernel accounts \
         for it. The image is an ext4 root file system with programs and libraries of this machine in five sixths of it; \
         memory with growing images is measured with an artificial one, a quarter zeros, a quarter noise, half text.\n\n{}. Load averages before: {before}, after: {}.\n\n",
        scale.rounds,
        scale.slow_rounds,
        machine(),
        load()
    );
    let image = scale.image / MIB;
    write!(
        text,
        "## An image of {image} MiB\n\n\
         | operation | compression | wall time | CPU time | peak memory | ours: wall, CPU, memory | theirs: wall, CPU, memory | \
         size, ours and theirs |\n|---|---|---|---|---|---|---|---|\n"
    )
    .unwrap();
    for pair in pairs {
        let ratio = |of| {
            let (median, least, greatest) = pair.ratio(of);
            format!("{median:.2} ({least:.2} … {greatest:.2})")
        };
        let name = if pair.compression == pair.theirs_compression {
            pair.compression.to_owned()
        } else {
            format!("{}, theirs {}", pair.compression, pair.theirs_compression)
        };
        let sizes = pair.sizes.map_or_else(String::new, |(ours, theirs)| {
            format!("{:.1} and {:.1} MiB", mebibytes(ours), mebibytes(theirs))
        });
        let (ours, theirs) = (figures(&pair.ours), figures(&pair.theirs));
        writeln!(
            text,
            "| {} | {name} | {} | {} | {} | {ours} | {theirs} | {sizes} |",
            pair.operation,
            ratio(wall),
            ratio(cpu),
            ratio(peak)
        )
        .unwrap();
    }
    text += "\nThe original writes xz at level 9 only, ours at 6 unless told; its gzip is one level, which comes \
             to the size of our 3; ours is at 2 unless told. `sign` of both copies the payload as it is stored; ours \
             unpacks it with `--check`. It neither writes nor reads zstd \
             (that came with 3.10.1), so these rows are ours alone:\n\n\
             | operation | compression | wall, CPU, memory |\n|---|---|---|\n";
    for row in alone {
        writeln!(text, "| {} | {} | {} |", row.operation, row.compression, figures(&row.runs)).unwrap();
    }
    text += "\n## Memory with growing images\n\n\
             Peak of ours in MiB.\n\n| operation | compression |";
    for size in scale.growth {
        write!(text, " {} MiB |", size / MIB).unwrap();
    }
    text += "\n|---|---|---|---|---|\n";
    let first = growth.iter().filter(|row| row.image == scale.growth[0]);
    for row in first {
        write!(text, "| {} | {} |", row.operation, row.compression).unwrap();
        let is_same =
            |other: &&Single| other.operation == row.operation && other.compression == row.compression;
        for same in growth.iter().filter(is_same) {
            write!(text, " {:.1} |", median(&same.runs, peak)).unwrap();
        }
        text += "\n";
    }
    text
}

fn figures(runs: &[hostile_artifacts::measured::Measured]) -> String {
    format!("{:.2} s, {:.2} s, {:.1} MiB", median(runs, wall), median(runs, cpu), median(runs, peak))
}

/// What was measured, with what, when, on which machine.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, commit {}; {}. {model}, {cores} cores; Linux {}",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        said(THEIRS, &["--version"]),
        said("uname", &["-r"])
    )
}

/// What a program prints, or nothing.
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
