//! What writing, validating and signing takes, beside the original tool.
//!
//! `cargo bench -p artifact-tool` measures everything and writes `benches/RESULTS.md`; `-- --quick` takes a small image
//! and one round, and writes nothing. Both tools run in turns on the same files; what counts are the medians of the
//! ratios of the rounds.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a bench ends when something is wrong, and says what it finds"
)]

mod image;
mod measures;
mod report;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use hostile_artifacts::measured;
use measures::{Pair, Single};

const OURS: &str = env!("CARGO_BIN_EXE_artifact-tool");
const THEIRS: &str = "mender-artifact";
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/p256.private.sec1.pem");
const MIB: u64 = 1 << 20;

/// How much is measured.
struct Scale {
    /// Size of the image that both tools get.
    image: u64,
    rounds: usize,
    /// Rounds of what takes the original minutes.
    slow_rounds: usize,
    /// Sizes of the images that memory is measured with.
    growth: [u64; 3],
}

const FULL: Scale =
    Scale { image: 256 * MIB, rounds: 5, slow_rounds: 1, growth: [64 * MIB, 256 * MIB, 1024 * MIB] };
const QUICK: Scale = Scale { image: 8 * MIB, rounds: 1, slow_rounds: 1, growth: [2 * MIB, 4 * MIB, 8 * MIB] };

fn main() -> ExitCode {
    if let Some(code) = measured::divert() {
        return code;
    }
    let is_quick = env::args().any(|arg| arg == "--quick");
    if Command::new(THEIRS).arg("--version").output().is_err() {
        eprintln!("skipped: {THEIRS} is not installed");
        return ExitCode::SUCCESS;
    }
    let scale = if is_quick { QUICK } else { FULL };
    let before = report::load();
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let bench = Bench { dir: scratch.path(), scale };
    let pairs = bench.pairs();
    let alone = bench.alone();
    let growth = bench.growth();
    let text = report::render(&bench.scale, &before, &pairs, &alone, &growth);
    println!("{text}");
    if !is_quick {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md"), text).unwrap();
    }
    ExitCode::SUCCESS
}

struct Bench<'a> {
    dir: &'a Path,
    scale: Scale,
}

impl Bench<'_> {
    /// Rows that both tools can do.
    fn pairs(&self) -> Vec<Pair> {
        let image = self.root_file_system();
        let mut pairs = Vec::new();
        // Ours, theirs: the original has one level of each. Its xz is the highest; its gzip comes to the size of our
        // level 3.
        for (ours, theirs) in [("none", "none"), ("gzip", "gzip"), ("gzip:3", "gzip"), ("lzma", "lzma")] {
            let rounds = if theirs == "lzma" { self.scale.slow_rounds } else { self.scale.rounds };
            let written = (self.dir.join("ours.mender"), self.dir.join("theirs.mender"));
            let commands = (write(OURS, ours, &image, &written.0), write(THEIRS, theirs, &image, &written.1));
            pairs.push(self.pair("write", ours, theirs, rounds, &commands, Some(&written)));
            if ours != theirs {
                continue;
            }
            // Both get the file that the original wrote.
            let commands = (validate(OURS, &written.1), validate(THEIRS, &written.1));
            pairs.push(self.pair("validate", ours, theirs, rounds, &commands, None));
            let signed = (self.dir.join("ours.signed"), self.dir.join("theirs.signed"));
            let commands = (sign(OURS, &written.1, &signed.0), sign(THEIRS, &written.1, &signed.1));
            pairs.push(self.pair("sign", ours, theirs, rounds, &commands, None));
        }
        pairs
    }

    fn pair(
        &self,
        operation: &'static str,
        ours: &'static str,
        theirs: &'static str,
        rounds: usize,
        commands: &(Command, Command),
        written: Option<&(PathBuf, PathBuf)>,
    ) -> Pair {
        let mut pair = Pair::new(operation, ours, theirs);
        for round in 0..rounds {
            // Neither always goes first.
            if round % 2 == 0 {
                pair.ours.push(self.run(&commands.0));
                pair.theirs.push(self.run(&commands.1));
            } else {
                pair.theirs.push(self.run(&commands.1));
                pair.ours.push(self.run(&commands.0));
            }
            eprintln!("{operation} {ours}: round {} of {rounds}", round + 1);
        }
        let size = |path: &PathBuf| path.metadata().unwrap().len();
        pair.sizes = written.map(|(ours, theirs)| (size(ours), size(theirs)));
        pair
    }

    /// What the original cannot do.
    fn alone(&self) -> Vec<Single> {
        let image = self.root_file_system();
        let mut rows = Vec::new();
        for compression in ["zstd_fastest", "zstd", "zstd_better"] {
            let (file, signed) = (self.dir.join("zstd.mender"), self.dir.join("zstd.signed"));
            for (operation, command) in [
                ("write", write(OURS, compression, &image, &file)),
                ("validate", validate(OURS, &file)),
                ("sign", sign(OURS, &file, &signed)),
            ] {
                let runs = (0..self.scale.rounds).map(|_| self.run(&command)).collect();
                rows.push(Single { operation, compression, image: self.scale.image, runs });
            }
        }
        rows
    }

    /// Memory of ours with images of several sizes.
    fn growth(&self) -> Vec<Single> {
        let mut rows = Vec::new();
        for size in self.scale.growth {
            let image = self.image(size);
            for compression in ["none", "gzip", "lzma:1", "zstd"] {
                let (file, signed) = (self.dir.join("growth.mender"), self.dir.join("growth.signed"));
                for (operation, command) in [
                    ("write", write(OURS, compression, &image, &file)),
                    ("validate", validate(OURS, &file)),
                    ("sign", sign(OURS, &file, &signed)),
                ] {
                    let runs = vec![self.run(&command)];
                    rows.push(Single { operation, compression, image: size, runs });
                }
            }
            eprintln!("memory with {} MiB", size / MIB);
        }
        rows
    }

    fn root_file_system(&self) -> PathBuf {
        let path = self.dir.join("rootfs.ext4");
        if !path.exists() {
            let bytes = image::root_file_system(&path, self.scale.image);
            eprintln!("an image with {} MiB of programs", bytes / MIB);
        }
        path
    }

    fn image(&self, size: u64) -> PathBuf {
        let path = self.dir.join("image");
        image::make(&path, size);
        path
    }

    fn run(&self, command: &Command) -> measured::Measured {
        // As the first time: what replaces a file has more to do.
        let args: Vec<_> = command.get_args().collect();
        if let Some(at) = args.iter().position(|arg| *arg == "-o") {
            let _absent = std::fs::remove_file(args[at + 1]);
        }
        let measured = measured::run(command, self.dir);
        let said = String::from_utf8_lossy(&measured.output.stderr);
        assert!(measured.output.status.success(), "{command:?}: {said}");
        measured
    }
}

fn write(tool: &str, compression: &str, image: &Path, output: &Path) -> Command {
    let mut command = Command::new(tool);
    command.args(["write", "rootfs-image", "-n", "release", "-t", "device", "--no-progress"]);
    command.args(["--compression", compression, "-f"]).arg(image).arg("-o").arg(output);
    command
}

fn validate(tool: &str, file: &Path) -> Command {
    let mut command = Command::new(tool);
    command.arg("validate").arg(file);
    command
}

fn sign(tool: &str, file: &Path, output: &Path) -> Command {
    let mut command = Command::new(tool);
    command.args(["sign", "-k", KEY, "-o"]).arg(output).arg(file);
    command
}
