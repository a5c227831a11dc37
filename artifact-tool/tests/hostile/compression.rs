//! Compressed members (artifact format §11).

use artifact::Rule;

use crate::{refused, verdict};
use hostile_artifacts::sample::{Sample, gzip, tar};

const SUFFIXES: [&str; 3] = [".gz", ".xz", ".zst"];

fn sample(suffix: &'static str) -> Sample {
    Sample { suffix, ..Sample::new() }
}

fn data(sample: &Sample) -> Vec<u8> {
    sample.members().pop().unwrap().1
}

#[test]
fn all_kinds_are_read_and_may_be_mixed() {
    for suffix in SUFFIXES {
        verdict(&sample(suffix).bytes()).unwrap();
        let mut members = Sample::new().members();
        members[3] = sample(suffix).members().pop().unwrap();
        verdict(&tar(&members)).unwrap();
    }
}

#[test]
fn suffix_and_content_must_agree() {
    for named in SUFFIXES {
        for stored in ["", ".gz", ".xz", ".zst"].into_iter().filter(|stored| *stored != named) {
            let content = data(&sample(stored));
            refused!(sample(named).with_member(&sample(named).data_name(0), content), Rule::Corrupt { .. });
            let header = sample(stored).header_member();
            refused!(sample(named).with_header_member(&header), Rule::Corrupt { .. });
        }
        refused!(
            Sample::new().with_member("data/0000.tar", data(&sample(named))),
            Rule::Truncated | Rule::TarNumber { .. }
        );
    }
}

#[test]
fn incomplete_streams() {
    for suffix in SUFFIXES {
        let sample = sample(suffix);
        let name = sample.data_name(0);
        let whole = data(&sample);
        for length in [0, 1, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
            refused!(sample.with_member(&name, &whole[..length]), Rule::Corrupt { .. } | Rule::Truncated);
        }
        let header = sample.header_member();
        refused!(
            sample.with_header_member(&header[..header.len() - 1]),
            Rule::Corrupt { .. } | Rule::Truncated
        );
    }
}

#[test]
fn wrong_trailers() {
    for suffix in [".gz", ".xz"] {
        let sample = sample(suffix);
        let mut broken = data(&sample);
        let position = broken.len() - 6;
        broken[position] ^= 1;
        refused!(sample.with_member(&sample.data_name(0), broken), Rule::Corrupt { .. });
    }
}

#[test]
fn something_after_the_stream() {
    for suffix in SUFFIXES {
        let sample = sample(suffix);
        let whole = data(&sample);
        for tail in [&b"x"[..], &[0], &whole, &gzip(b"")] {
            refused!(sample.with_member(&sample.data_name(0), [&whole, tail].concat()), Rule::AfterStream);
            let header = sample.header_member();
            refused!(sample.with_header_member(&[&header, tail].concat()), Rule::AfterStream);
        }
    }
}
