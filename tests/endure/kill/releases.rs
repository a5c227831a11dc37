//! An actor that uploads and deletes artifacts.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use harness::device::link_target;
use harness::management::{ARTIFACTS, location_id};
use harness::{ArtifactSpec, Multipart, Request};
use rand::RngExt;
use rand::rngs::StdRng;

use super::line::{Cut, Line};
use super::possible::Possible;
use super::sessions::count;
use super::summary::Summary;

/// Sizes of payloads in bytes: from one that is written at once to one that takes a while.
const SIZES: [usize; 8] = [10, 1_000, 20_000, 70_000, 200_000, 400_000, 1_000_000, 3_000_000];

/// An artifact that is uploaded and deleted over and over.
pub(super) struct Stored {
    pub(super) name: String,
    bytes: Vec<u8>,
    sha256: String,
    is_there: Possible<bool>,
    id: Option<String>,
}

/// A release engineer.
pub(super) struct Releases {
    token: String,
    rng: StdRng,
    stored: Vec<Stored>,
    /// Whether they may be deleted: those that deployments need stay.
    stay: bool,
}

impl Stored {
    /// Writes an artifact with this many bytes of noise.
    pub(super) fn write(device_type: &str, size: usize) -> Self {
        let artifact = ArtifactSpec::new(device_type).incompressible(size).write();
        let bytes = artifact.bytes();
        let sha256 = hex(&bytes);
        Self { name: artifact.name.clone(), bytes, sha256, is_there: Possible::new(false), id: None }
    }
}

impl Releases {
    /// Artifacts that come and go.
    pub(super) fn churning(token: String, rng: StdRng) -> Self {
        let stored = SIZES.iter().map(|size| Stored::write("churn", *size)).collect();
        Self { token, rng, stored, stay: false }
    }

    /// Artifacts that are uploaded once.
    pub(super) fn staying(token: String, rng: StdRng, stored: Vec<Stored>, line: &mut Line) -> Self {
        let mut this = Self { token, rng, stored, stay: true };
        for at in 0..this.stored.len() {
            this.upload(at, line).expect("the server is up");
        }
        this
    }

    pub(super) fn run(&mut self, line: &mut Line, summary: &mut Summary) {
        while self.step(line, summary).is_ok() {}
    }

    fn step(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        assert!(!self.stay, "these are not touched");
        let at = self.rng.random_range(0..self.stored.len());
        if !self.stored[at].is_there.certain() {
            let uploaded = self.upload(at, line);
            return count(summary, "upload", uploaded);
        }
        if self.rng.random_bool(0.3) {
            let downloaded = self.download(at, line);
            return count(summary, "download", downloaded);
        }
        let stored = &mut self.stored[at];
        let id = stored.id.as_deref().expect("what is there has an id");
        let request = Request::new("DELETE", format!("{ARTIFACTS}/{id}")).bearer(&self.token);
        stored.is_there.ask(false);
        let answer = line.expect(&request, 204);
        if answer.is_ok() {
            stored.is_there.acknowledge();
        }
        count(summary, "delete artifact", answer.map(drop))
    }

    fn upload(&mut self, at: usize, line: &mut Line) -> Result<(), Cut> {
        let stored = &mut self.stored[at];
        let request = Request::new("POST", ARTIFACTS).bearer(&self.token);
        stored.is_there.ask(true);
        let answer = line.expect(&Multipart::artifact(&stored.bytes).into_request(request), 201)?;
        stored.id = Some(location_id(&answer));
        stored.is_there.acknowledge();
        Ok(())
    }

    /// Fetches an artifact and compares each byte.
    fn download(&self, at: usize, line: &mut Line) -> Result<(), Cut> {
        let stored = &self.stored[at];
        let id = stored.id.as_deref().expect("what is there has an id");
        let request = Request::get(format!("{ARTIFACTS}/{id}/download")).bearer(&self.token);
        let answer = line.expect(&request, 200)?.json();
        let target = link_target(answer["uri"].as_str().expect("a link"));
        let found = line.expect(&Request::get(target), 200)?.body;
        assert!(found == stored.bytes, "{}: {} bytes are not those uploaded", stored.name, found.len());
        Ok(())
    }

    /// Compares with what the server lists: ids by name. Returns the digests that must be stored.
    pub(super) fn verify(&mut self, listed: &BTreeMap<String, String>, line: &mut Line) -> Vec<String> {
        for stored in &mut self.stored {
            let found = listed.get(&stored.name);
            let is_settled = stored.is_there.is_certain() && *stored.is_there.certain();
            stored.is_there.settle(found.is_some(), &format!("artifact {}", stored.name));
            assert!(!is_settled || stored.id.as_ref() == found, "artifact {} has another id", stored.name);
            stored.id = found.cloned();
        }
        let there: Vec<usize> =
            (0..self.stored.len()).filter(|at| *self.stored[*at].is_there.certain()).collect();
        for at in &there {
            self.download(*at, line).expect("the server is up");
        }
        for stored in &self.stored {
            let release = format!("/api/management/v2/deployments/deployments/releases/{}", stored.name);
            let status = if *stored.is_there.certain() { 200 } else { 404 };
            line.expect(&Request::get(release).bearer(&self.token), status).expect("the server is up");
        }
        there.into_iter().map(|at| self.stored[at].sha256.clone()).collect()
    }
}

/// Returns the SHA-256 of bytes in hexadecimal: the name of their file.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)]));
    digest(&SHA256, bytes).as_ref().iter().flat_map(digits).collect()
}
