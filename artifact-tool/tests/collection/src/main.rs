//! Writes the hostile collection to a folder, and prints what is wrong with each file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let Some(dir) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: hostile-artifacts DIR");
        return ExitCode::from(2);
    };
    for case in hostile_artifacts::cases() {
        let path = dir.join(case.name).with_extension("mender");
        if let Err(error) = fs::create_dir_all(&dir).and_then(|()| fs::write(&path, case.bytes())) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(3);
        }
        println!("{}\t§{}\t{}\t{}", path.display(), case.section, case.breaks, case.rule);
    }
    ExitCode::SUCCESS
}
