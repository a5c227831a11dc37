//! A release that is being rolled out on both fleets.

use std::time::Duration;

use artifact::compression::Encoding;
use artifact::write::{Common, InputFile, ModuleImage, WriteOptions};
use serde_json::{Value, json};

use super::Bench;
use super::contest::{Contender, Turn};
use super::polls::poll;
use super::stage::Stage;
use crate::generator::{Requests, Style, Target};
use crate::numbers::narrow;
use crate::product::{Product, User};
use crate::seed::{DEVICE_TYPE, Fleet};
use crate::{Outcome, say};

/// The release.
pub(crate) const RELEASE: &str = "bench-1";

/// What a device says again and again: each changes its state, and it never ends.
const STATES: [&str; 2] = ["rebooting", "installing"];

/// Users, the release, and devices in the middle of the update.
pub(crate) struct Updates<'a> {
    /// A user of the server with the small fleet.
    pub(crate) small_user: User,
    /// The same for the large one.
    pub(crate) large_user: User,
    /// Reports of the small fleet.
    pub(crate) small: Reports<'a>,
    /// Reports of the large one.
    pub(crate) large: Reports<'a>,
    /// The path of the artifact, as offered to a device of the large fleet.
    pub(crate) link: String,
    /// The artifact.
    pub(crate) artifact: Vec<u8>,
}

/// Reports of devices that are at work on a deployment.
pub(crate) struct Reports<'a> {
    fleet: &'a Fleet,
    deployment: String,
    reporters: u64,
}

impl<'a> Updates<'a> {
    /// Uploads the release to both servers, rolls it out, and lets the devices begin.
    pub(crate) async fn prepare(bench: &'a Bench, stage: &Stage) -> Outcome<Self> {
        say("rolling a release out");
        let artifact = artifact(bench.scale.artifact_bytes)?;
        let (small_user, large_user) = (stage.small.user().await?, stage.large.user().await?);
        let small =
            begin(bench, &bench.small, &stage.small, &stage.small_target, &small_user, &artifact).await?;
        let large =
            begin(bench, &bench.large, &stage.large, &stage.large_target, &large_user, &artifact).await?;
        let mut connection = stage.large_target.connect().await?;
        let answer = connection.ask(&poll(&bench.large, 0)).await?;
        let offer: Value = serde_json::from_slice(connection.body(&answer))?;
        let link = offer.pointer("/artifact/source/uri").and_then(Value::as_str).ok_or("no link")?;
        let path = link.splitn(4, '/').nth(3).ok_or("a link without a path")?;
        Ok(Self { small_user, large_user, small, large, link: format!("/{path}"), artifact })
    }
}

async fn begin<'a>(
    bench: &Bench,
    fleet: &'a Fleet,
    product: &Product,
    target: &Target,
    user: &User,
    artifact: &[u8],
) -> Outcome<Reports<'a>> {
    user.upload(artifact).await?;
    let deployment = deploy(user, "in progress").await?;
    let reporters = bench.scale.reporters.min(fleet.devices);
    let reports = Reports { fleet, deployment, reporters };
    let turn =
        Turn { connections: 64, style: Style::KeepAlive, span: Duration::from_mins(5), requests: reporters };
    // Each of them is offered the release, then installs it.
    let questions = Questions(&reports);
    let mut asking = Contender::new(&product.server, target, &questions, 200);
    let mut telling = Contender::new(&product.server, target, &reports, 204);
    for run in [asking.warm_up(turn).await?, telling.warm_up(turn).await?] {
        if let Some(error) = run.first_error {
            return Err(error.into());
        }
    }
    Ok(reports)
}

/// Creates a deployment for all devices; returns its id.
pub(crate) async fn deploy(user: &User, name: &str) -> Outcome<String> {
    let body = json!({ "name": name, "artifact_name": RELEASE, "all_devices": true });
    let answer = user.ask("POST /api/management/v1/deployments/deployments", &body, 201).await?;
    let location = answer.location.ok_or("a deployment without a place")?;
    Ok(location.rsplit('/').next().unwrap_or_default().to_owned())
}

fn artifact(payload: u64) -> Outcome<Vec<u8>> {
    let bytes: Vec<u8> =
        (0_u32..).flat_map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()).take(narrow(payload)).collect();
    let image = ModuleImage {
        common: Common::new(RELEASE, [DEVICE_TYPE]),
        payload_type: "bench".to_owned(),
        files: vec![InputFile::bytes("payload.bin", bytes)],
        meta_data: None,
        additions: None,
        added_files: Vec::new(),
    };
    let mut artifact = Vec::new();
    let options = WriteOptions { encoding: Encoding::NONE, ..WriteOptions::default() };
    image.write(&mut artifact, &options)?;
    Ok(artifact)
}

impl Reports<'_> {
    /// The device that has this turn: they are spread over the fleet.
    fn device(&self, number: u64) -> u64 {
        (number % self.reporters) * self.fleet.devices / self.reporters
    }
}

impl Requests for Reports<'_> {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        let pass = narrow(number / self.reporters);
        let state = STATES.get(pass % STATES.len()).copied().unwrap_or_default();
        let body = format!("{{\"status\":\"{state}\"}}");
        request.extend_from_slice(
            format!(
                "PUT /api/devices/v1/deployments/device/deployments/{}/status HTTP/1.1\r\nHost: localhost\r\n\
                 User-Agent: Go-http-client/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Accept-Encoding: gzip\r\nAuthorization: Bearer ",
                self.deployment,
                body.len()
            )
            .as_bytes(),
        );
        request.extend_from_slice(self.fleet.tokens.of(self.device(number)));
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(body.as_bytes());
    }
}

/// The same devices ask for an update.
struct Questions<'a>(&'a Reports<'a>);

impl Requests for Questions<'_> {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        request.extend_from_slice(&poll(self.0.fleet, self.0.device(number)));
    }
}
