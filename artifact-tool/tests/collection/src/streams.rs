//! Compressed streams of any length, made from one part that is repeated.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// Returns a gzip stream (RFC 1952) of `head`, then `chunk` so many times.
///
/// After a full flush the compressor remembers nothing, so the compressed chunk may be repeated.
pub(crate) fn gzip(head: &[u8], chunk: &[u8], times: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    bytes.extend(flushed(head));
    bytes.extend(flushed(chunk).repeat(times));
    bytes.extend([3, 0]); // the last block: empty, with the fixed code
    let (mut sum, mut one) = (Crc::new(), Crc::new());
    sum.update(head);
    one.update(chunk);
    for _ in 0..times {
        sum.combine(&one);
    }
    bytes.extend(sum.sum().to_le_bytes());
    bytes.extend(sum.amount().to_le_bytes());
    bytes
}

fn flushed(plain: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut bytes = Vec::with_capacity(plain.len() + 4096);
    compress.compress_vec(plain, &mut bytes, FlushCompress::Full).expect("room enough");
    assert_eq!(usize::try_from(compress.total_in()), Ok(plain.len()));
    bytes
}

/// Returns an xz stream of `head` in one block, then `chunk` in as many blocks as said.
///
/// Blocks stand for themselves; the index (the .xz file format §4) counts them.
pub(crate) fn xz(head: &[u8], chunk: &[u8], times: usize) -> Vec<u8> {
    let (head, chunk) = (Block::of(head), Block::of(chunk));
    let mut bytes = head.stream_header;
    bytes.extend(&head.bytes);
    bytes.extend(chunk.bytes.repeat(times));
    let mut index = vec![0];
    index.extend(varint(times + 1));
    index.extend(&head.record);
    index.extend(chunk.record.repeat(times));
    index.resize(index.len().next_multiple_of(4), 0);
    index.extend(crc32(&index).to_le_bytes());
    let backward = u32::try_from(index.len() / 4 - 1).expect("a small index");
    let mut field = backward.to_le_bytes().to_vec();
    field.extend(&bytes[6..8]); // the stream's flags, which header and footer share
    bytes.extend(index);
    bytes.extend(crc32(&field).to_le_bytes());
    bytes.extend(field);
    bytes.extend(b"YZ");
    bytes
}

/// The only block of a stream, and its record in the index.
struct Block {
    stream_header: Vec<u8>,
    bytes: Vec<u8>,
    record: Vec<u8>,
}

impl Block {
    fn of(plain: &[u8]) -> Self {
        let stream = liblzma::encode_all(plain, 0).expect("room enough");
        let footer = stream.len() - 12;
        let stored: [u8; 4] = stream[footer + 4..footer + 8].try_into().expect("four bytes");
        let index_size = (usize::try_from(u32::from_le_bytes(stored)).expect("64 bits") + 1) * 4;
        let index = &stream[footer - index_size..footer];
        // Indicator and number of records, then the record, padding to four bytes, and the sum.
        let mut varints = 0;
        let is_end = |byte: &u8| {
            varints += usize::from(byte & 0x80 == 0);
            varints == 2
        };
        let length = index[2..].iter().position(is_end).expect("two numbers") + 1;
        Self {
            stream_header: stream[..12].to_vec(),
            bytes: stream[12..footer - index_size].to_vec(),
            record: index[2..2 + length].to_vec(),
        }
    }
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Returns a zstd frame (RFC 8878 §3.1) of `head`, then `zeros` zero bytes, four bytes for each 128 KiB.
pub(crate) fn zstd_of_zeros(head: &[u8], zeros: u64) -> Vec<u8> {
    const BLOCK: u64 = 128 << 10;
    // No content size, no checksum; a window of 1 MiB.
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3];
    let header = |kind: u64, size: u64, last: u64| (size << 3 | kind << 1 | last).to_le_bytes()[..3].to_vec();
    bytes.extend(header(0, u64::try_from(head.len()).expect("64 bits"), 0));
    bytes.extend(head);
    for _ in 0..zeros / BLOCK {
        bytes.extend(header(1, BLOCK, 0));
        bytes.push(0);
    }
    bytes.extend(header(1, zeros % BLOCK, 1));
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// What the decoders of the libraries make of a stream.
    fn plain(decoder: impl Read) -> Vec<u8> {
        let (mut decoder, mut bytes) = (decoder, Vec::new());
        decoder.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn streams_are_whole_and_correct() {
        let expected = [b"head".to_vec(), b"chunk".repeat(1000)].concat();
        let gzip = gzip(b"head", b"chunk", 1000);
        assert_eq!(plain(flate2::read::GzDecoder::new(&gzip[..])), expected);
        let xz = xz(b"head", b"chunk", 1000);
        assert_eq!(plain(liblzma::read::XzDecoder::new(&xz[..])), expected);
        let zstd = zstd_of_zeros(b"head", 300_000);
        let expected = [b"head".to_vec(), vec![0; 300_000]].concat();
        assert_eq!(plain(zstd::Decoder::new(&zstd[..]).unwrap()), expected);
    }
}
