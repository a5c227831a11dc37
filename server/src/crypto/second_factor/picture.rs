//! A QR code as a PNG (ISO/IEC 18004, PNG third edition).

use std::io::{self, Write as _};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use qrcode::{Color, QrCode};

/// Pixels for each side of a module.
const SCALE: usize = 6;

/// Modules of white around the code (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// Why no picture was made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The text is too long.
    #[error("failed to make a QR code")]
    Code(#[from] qrcode::types::QrError),
    /// Compression failed.
    #[error("failed to write a picture")]
    Write(#[from] io::Error),
}

/// Returns a text as a picture: one bit a pixel, which the encoders for pictures would bring much to write.
pub fn qr_png(text: &str) -> Result<Vec<u8>, PictureError> {
    let code = QrCode::new(text)?;
    let width = code.width();
    let colors = code.to_colors();
    let modules = width + 2 * QUIET;
    let is_dark = |row: usize, column: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < width);
        let at = inside(row).zip(inside(column)).map(|(row, column)| row * width + column);
        at.and_then(|at| colors.get(at)) == Some(&Color::Dark)
    };
    let side = modules * SCALE;
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in 0..modules {
        // The filter of the line (none), then its pixels, the first in the highest bit; white is 1.
        let mut line = vec![0; 1 + side.div_ceil(8)];
        for column in (0..side).filter(|column| !is_dark(row, column / SCALE)) {
            if let Some(byte) = line.get_mut(1 + column / 8) {
                *byte |= 0x80 >> (column % 8);
            }
        }
        for _ in 0..SCALE {
            pixels.write_all(&line)?;
        }
    }
    let side = u32::try_from(side).unwrap_or(u32::MAX).to_be_bytes();
    // One bit a pixel, grey, the only compression, filters and order that matter here.
    let header = [side.as_slice(), &side, &[1, 0, 0, 0, 0]].concat();
    let mut png = SIGNATURE.to_vec();
    for (kind, content) in [(b"IHDR", header), (b"IDAT", pixels.finish()?), (b"IEND", Vec::new())] {
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(&content);
        png.extend_from_slice(&length.to_be_bytes());
        png.extend_from_slice(kind);
        png.extend_from_slice(&content);
        png.extend_from_slice(&sum.sum().to_be_bytes());
    }
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::{SIGNATURE, qr_png};

    // That readers of pictures and of QR codes read it is tried in the black-box tests.
    #[test]
    fn a_picture_is_square_and_a_text_may_be_too_long() {
        let png = qr_png("otpauth://totp/x").unwrap();
        assert_eq!(&png[..8], SIGNATURE);
        assert_eq!(&png[12..16], b"IHDR");
        assert_eq!(png[16..20], png[20..24]);
        assert!(qr_png(&"x".repeat(5000)).is_err());
    }
}
