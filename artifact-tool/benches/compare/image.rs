//! What is written into artifacts: a root file system, and images of any size that are the same in each run.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const CHUNK: usize = 64 << 10;
/// Where the programs and libraries of a machine are.
const PROGRAMS: [&str; 2] = ["/usr/bin", "/usr/lib"];

/// Writes an ext4 image of this machine's programs and libraries, in the order of their names, as many as fill five
/// sixths of it. Returns how many bytes they take.
pub(crate) fn root_file_system(path: &Path, size: u64) -> u64 {
    let stage = tempfile::tempdir_in(path.parent().unwrap()).unwrap();
    let mut left = size / 6 * 5;
    for folder in PROGRAMS {
        fill(Path::new(folder), stage.path(), &mut left);
    }
    File::create(path).unwrap().set_len(size).unwrap();
    let mut command = Command::new("mke2fs");
    command
        .args(["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d"])
        .arg(stage.path())
        .arg(path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    size / 6 * 5 - left
}

/// Copies the files below `from` as long as there is room.
fn fill(from: &Path, stage: &Path, left: &mut u64) {
    let mut entries: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let to = stage.join(from.strip_prefix("/").unwrap());
    for entry in entries {
        let metadata = entry.symlink_metadata().unwrap();
        if metadata.is_dir() {
            fill(&entry, stage, left);
            continue;
        }
        // What it takes in the image, with its inode and its name.
        let room = metadata.len().next_multiple_of(4096) + 512;
        if metadata.is_file() && room <= *left {
            fs::create_dir_all(&to).unwrap();
            fs::copy(&entry, to.join(entry.file_name().unwrap())).unwrap();
            *left -= room;
        }
    }
}

/// Writes an image: of 64 KiB each, a quarter zeros, a quarter noise, and half text of few words.
pub(crate) fn make(path: &Path, size: u64) {
    let mut output = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let chunks = usize::try_from(size).unwrap() / CHUNK;
    for index in 0..chunks {
        let chunk = match index % 4 {
            0 => vec![0; CHUNK],
            1 => noise.bytes(),
            _ => noise.text(),
        };
        output.write_all(&chunk).unwrap();
    }
    output.flush().unwrap();
}

/// xorshift64* (Vigna 2014).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..CHUNK / 8).flat_map(|_| self.next().to_be_bytes()).collect()
    }

    /// Words of three letters to ten, of which there are four thousand.
    fn text(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(CHUNK + 16);
        while bytes.len() < CHUNK {
            let number = self.next() >> 40;
            let mut word = Self((number & 0xfff) + 1);
            let letters = word.next();
            let length = 3 + (letters >> 61);
            bytes.extend((0..length).map(|at| b'a' + u8::try_from((letters >> (at * 5)) % 26).unwrap()));
            bytes.push(if number & 0xf000 == 0 { b'\n' } else { b' ' });
        }
        bytes.truncate(CHUNK);
        bytes
    }
}
