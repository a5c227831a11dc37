use std::time::Duration;

use serde_json::{Value, json};
use ureq::SendBody;

use super::super::{Failure, print};
use super::Connection;

const DEPLOYMENTS: &str = "/api/management/v1/deployments/deployments";
/// Pause between two questions whether a deployment has ended.
const PAUSE: Duration = Duration::from_secs(2);

/// Roll a release out to devices.
///
/// With --wait, status 1 tells that a device failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool deploy app-1.1 --all\n  \
artifact-tool deploy app-1.1 --group beta --wait\n  \
artifact-tool deploy app-1.1 --device 0190b6f4-3c52-7cc2-8a1c-8c9a5f0d2f11")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    target: Target,
    /// Name of the deployment [default: that of the release]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Install it again on devices that have it
    #[arg(long)]
    force: bool,
    /// Wait until every device has ended
    #[arg(long)]
    wait: bool,
    /// Print id and, with --wait, the numbers of devices as JSON
    #[arg(long)]
    json: bool,
    /// Release: the artifact name
    release: String,
}

/// Which devices.
#[derive(Debug, clap::Args)]
#[group(id = "target", required = true, multiple = false)]
struct Target {
    /// All accepted devices
    #[arg(long)]
    all: bool,
    /// The devices of a group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Id of a device; may be repeated
    #[arg(long = "device", value_name = "ID")]
    devices: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let client = args.connection.client()?;
    let name = args.name.as_ref().unwrap_or(&args.release);
    let mut wanted = json!({"name": name, "artifact_name": args.release, "force_installation": args.force});
    if let Value::Object(wanted) = &mut wanted {
        if args.target.all {
            wanted.insert("all_devices".to_owned(), true.into());
        } else if !args.target.devices.is_empty() {
            wanted.insert("devices".to_owned(), args.target.devices.clone().into());
        }
    }
    let path = match &args.target.group {
        Some(group) => format!("{DEPLOYMENTS}/group/{}", escaped(group)),
        None => DEPLOYMENTS.to_owned(),
    };
    let body = wanted.to_string();
    let headers = [("content-type", "application/json")];
    let mut body = body.as_bytes();
    let answer = client.post(&path, &headers, SendBody::from_reader(&mut body))?;
    let location = answer.location.unwrap_or_default();
    let id = location.rsplit('/').next().unwrap_or_default();
    if !args.wait {
        return if args.json {
            print::json(&json!({"id": id}))
        } else {
            print::data(&format!("Deployment {id}\n"))
        };
    }
    while client.get(&format!("{DEPLOYMENTS}/{id}"))?.get("status").and_then(Value::as_str)
        != Some("finished")
    {
        std::thread::sleep(PAUSE);
    }
    let statistics = client.get(&format!("{DEPLOYMENTS}/{id}/statistics"))?;
    let count = |key: &str| statistics.get(key).and_then(Value::as_u64).unwrap_or_default();
    if args.json {
        print::json(&json!({"id": id, "statistics": statistics}))?;
    } else {
        let (success, failure) = (count("success"), count("failure"));
        print::data(&format!("Deployment {id}: {success} succeeded, {failure} failed\n"))?;
    }
    match count("failure") + count("aborted") {
        0 => Ok(()),
        bad => Err(Failure::no(format!("{bad} devices failed or were aborted"))),
    }
}

/// Escapes one segment of a path (RFC 3986 §2.1).
fn escaped(segment: &str) -> String {
    segment
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
