//! Idle polls: devices ask, there is nothing for them.

use std::time::Duration;

use super::Bench;
use super::contest::{Contender, Turn};
use super::stage::Stage;
use crate::Outcome;
use crate::budget::Budget;
use crate::generator::{Requests, Run, Style};
use crate::report::Row;
use crate::seed::{Fleet, PROVIDES};

/// Devices ask in steps of so many: neighbours in time are no neighbours in memory. A prime, so that each one comes.
const STRIDE: u64 = 611_953;

/// Connections that are kept.
const CONNECTIONS: usize = 64;

/// Fresh connections that are open at once.
const FRESH: usize = 16;

/// Every device of a fleet in turn, each with its token.
pub(crate) struct Polls<'a>(pub(crate) &'a Fleet);

impl Requests for Polls<'_> {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        let device = number.wrapping_mul(STRIDE) % self.0.devices;
        write_poll(self.0, device, request);
    }
}

/// The poll of one device.
pub(crate) fn poll(fleet: &Fleet, device: u64) -> Vec<u8> {
    let mut request = Vec::new();
    write_poll(fleet, device, &mut request);
    request
}

fn write_poll(fleet: &Fleet, device: u64, request: &mut Vec<u8>) {
    request.extend_from_slice(
        b"POST /api/devices/v2/deployments/device/deployments/next HTTP/1.1\r\nHost: localhost\r\n\
          User-Agent: Go-http-client/1.1\r\nAuthorization: Bearer ",
    );
    request.extend_from_slice(fleet.tokens.of(device));
    request.extend_from_slice(
        b"\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\nContent-Length: ",
    );
    request.extend_from_slice(PROVIDES.len().to_string().as_bytes());
    request.extend_from_slice(b"\r\n\r\n");
    request.extend_from_slice(PROVIDES.as_bytes());
}

pub(super) async fn measure(bench: &Bench, stage: &Stage) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    let operations = [
        ("poll.keepalive", "idle poll, kept TLS connections", Style::KeepAlive, CONNECTIONS, 0.75),
        ("poll.fresh", "idle poll, a TLS 1.3 handshake each", Style::Fresh, FRESH, 0.9),
    ];
    for (name, operation, style, connections, bound) in operations {
        if !bench.wants(name) && !bench.wants("poll.growth") {
            continue;
        }
        let (of_small, of_large) = (Polls(&bench.small), Polls(&bench.large));
        let mut floor = Contender::new(&stage.floor, &stage.floor_target, &of_large, 204);
        let mut small = Contender::new(&stage.small.server, &stage.small_target, &of_small, 204);
        let mut large = Contender::new(&stage.large.server, &stage.large_target, &of_large, 204);
        let turn = Turn { connections, style, span: bench.scale.turn, requests: u64::MAX };
        let short = Turn { span: bench.scale.turn.min(Duration::from_millis(500)), ..turn };
        for contender in [&mut floor, &mut small, &mut large] {
            contender.warm_up(short).await?;
        }
        for _ in 0..bench.scale.rounds {
            for contender in [&mut floor, &mut small, &mut large] {
                contender.turn(turn).await?;
            }
        }
        for (devices, product) in [(bench.scale.small, &small), (bench.scale.large, &large)] {
            let row = Row::new(name, operation, Some(devices))
                .compare("handler that answers 204", &floor.runs, &product.runs)
                .budget(Some(Budget::AtLeast(bound)))
                .remark("Each request has the token of another device, until all had their turn.");
            rows.push(row);
        }
        rows.push(growth(name, operation, &small.runs, &large.runs));
    }
    Ok(rows)
}

fn growth(name: &str, operation: &str, small: &[Run], large: &[Run]) -> Row {
    let name = name.replace("poll.", "poll.growth.");
    let costs: Vec<f64> =
        small.iter().zip(large).map(|(small, large)| large.cpu_each() / small.cpu_each()).collect();
    Row::new(&name, &format!("growth: {operation}"), None)
        .values("CPU time, large fleet ÷ small fleet", &costs)
        .errors_of(small.iter().chain(large))
        .budget(Some(Budget::AtMost(1.2)))
}

/// An inventory report of a device, about what a client sends; the edition makes it differ from the one before.
pub(crate) fn write_inventory(fleet: &Fleet, device: u64, edition: u64, request: &mut Vec<u8>) {
    let body = format!(
        "[{{\"name\":\"device_type\",\"value\":\"bench-board\"}},{{\"name\":\"artifact_name\",\"value\":\"factory\"}},\
         {{\"name\":\"hostname\",\"value\":\"board-{device}\"}},{{\"name\":\"kernel\",\"value\":\"Linux 6.1.0\"}},\
         {{\"name\":\"mem_total_kB\",\"value\":\"1024000\"}},{{\"name\":\"cpu_model\",\"value\":\"ARMv8\"}},\
         {{\"name\":\"ipv4_eth0\",\"value\":\"10.0.0.7/8\"}},{{\"name\":\"mac_eth0\",\"value\":\"02:00:00:00:00:01\"}},\
         {{\"name\":\"network_interfaces\",\"value\":[\"eth0\",\"wlan0\"]}},{{\"name\":\"load\",\"value\":\"{edition}\"}}]"
    );
    request.extend_from_slice(
        format!(
            "PUT /api/devices/v1/inventory/device/attributes HTTP/1.1\r\nHost: localhost\r\n\
             User-Agent: Go-http-client/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Accept-Encoding: gzip\r\nAuthorization: Bearer ",
            body.len()
        )
        .as_bytes(),
    );
    request.extend_from_slice(fleet.tokens.of(device));
    request.extend_from_slice(b"\r\n\r\n");
    request.extend_from_slice(body.as_bytes());
}
