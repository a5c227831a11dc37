//! An image like a root file system, the same in each run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

const CHUNK: usize = 64 << 10;

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
