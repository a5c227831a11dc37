//! The authenticator on a person's telephone.

use std::io::Read;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Crc;
use flate2::read::ZlibDecoder;
use serde_json::json;
use totp_rs::Totp;

use crate::management::Management;

/// Seconds that a code is shown.
const STEP_SECS: u64 = 30;

/// An authenticator that has scanned a QR code.
pub struct Authenticator {
    totp: Totp,
    /// What the QR code said.
    pub uri: String,
    /// The last step whose code was given away.
    used: u64,
}

impl Authenticator {
    /// Sets TOTP up as the original web interface does, for a user who is logged in.
    #[track_caller]
    pub fn enrol(user: &Management) -> Self {
        user.send("POST", "/api/management/v1/useradm/users/me/2fa/enable").expect(200);
        let mut authenticator = Self::scan(user);
        let code = authenticator.next_code();
        user.send_json("PUT", "/api/management/v1/useradm/2faverify", &json!({ "token2fa": code }))
            .expect(202);
        authenticator
    }

    /// Scans the QR code that the server shows.
    #[track_caller]
    pub fn scan(user: &Management) -> Self {
        let shown = user.get("/api/management/v1/useradm/2faqr").expect(200).json();
        let png = STANDARD.decode(shown["qr"].as_str().expect("a picture")).expect("base 64");
        let picture = Picture::read(&png);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(picture.side, picture.side, |x, y| {
            picture.grey(x, y)
        });
        let grids = image.detect_grids();
        let (_, uri) = grids.first().expect("a QR code").decode().expect("a text");
        let totp = Totp::from_url(&uri).expect("a URI of an authenticator");
        Self { totp, uri, used: 0 }
    }

    /// Returns a code that was not used. Two are there at once, the next ones come every 30 seconds; those of the past could
    /// end on their way.
    pub fn next_code(&mut self) -> String {
        loop {
            let step = now() / STEP_SECS;
            let next = (self.used + 1).max(step);
            if next <= step + 1 {
                self.used = next;
                return self.totp.generate(next * STEP_SECS).to_string();
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Returns a code that is wrong now and for some minutes.
    pub fn wrong_code(&self) -> String {
        let step = now() / STEP_SECS;
        let right: Vec<String> =
            (step - 3..step + 20).map(|step| self.totp.generate(step * STEP_SECS).to_string()).collect();
        let wrong = (0..1000).map(|number| format!("{number:06}")).find(|code| !right.contains(code));
        wrong.expect("a wrong code")
    }
}

#[expect(clippy::disallowed_methods, reason = "codes are made by the clock that the server goes by")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A PNG with one bit a pixel.
struct Picture {
    side: usize,
    lines: Vec<u8>,
}

impl Picture {
    /// Reads and checks a picture as PNG (third edition) lays it down.
    #[track_caller]
    fn read(png: &[u8]) -> Self {
        let mut rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n").expect("the signature of a PNG");
        let (mut header, mut data, mut ended) = (Vec::new(), Vec::new(), false);
        while !rest.is_empty() {
            let (length, after) = rest.split_at(4);
            let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
            let (chunk, after) = after.split_at(4 + usize::try_from(length).expect("a length"));
            let (sum, after) = after.split_at(4);
            let mut crc = Crc::new();
            crc.update(chunk);
            assert_eq!(crc.sum().to_be_bytes(), sum, "the checksum of a chunk");
            match &chunk[..4] {
                b"IHDR" => header = chunk[4..].to_vec(),
                b"IDAT" => data.extend_from_slice(&chunk[4..]),
                b"IEND" => ended = true,
                other => panic!("chunk {other:?}"),
            }
            rest = after;
        }
        assert!(ended && header[8..] == [1, 0, 0, 0, 0], "one bit a pixel, grey: {header:?}");
        assert_eq!(header[..4], header[4..8], "a square");
        let side = u32::from_be_bytes(header[..4].try_into().expect("four bytes"));
        let mut lines = Vec::new();
        ZlibDecoder::new(data.as_slice()).read_to_end(&mut lines).expect("zlib");
        let side = usize::try_from(side).expect("a width");
        assert_eq!(lines.len(), side * (1 + side.div_ceil(8)));
        Self { side, lines }
    }

    fn grey(&self, x: usize, y: usize) -> u8 {
        let line = &self.lines[y * (1 + self.side.div_ceil(8))..];
        assert_eq!(line[0], 0, "no filter");
        if line[1 + x / 8] & (0x80 >> (x % 8)) == 0 { 0 } else { 255 }
    }
}
