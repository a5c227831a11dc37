//! The server under measurement, and a user of it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Outcome;
use crate::generator::{Answer, Target};
use crate::process::{Server, pinned};

/// How long floors and product keep idle connections: longer than any measurement.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_hours(1);

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "three oranges roll uphill at noon";

/// The product at work on a data directory.
pub(crate) struct Product {
    /// Its process.
    pub(crate) server: Server,
    /// Its data directory.
    pub(crate) data: PathBuf,
}

/// Someone who may do everything.
pub(crate) struct User {
    target: Target,
    token: String,
}

impl Product {
    /// Starts the server that cargo built for this bench.
    pub(crate) fn start(data: &Path) -> Outcome<Self> {
        let config = data.with_extension("toml");
        fs::write(&config, format!("keep_alive_secs = {}\n", KEEP_ALIVE.as_secs()))?;
        let mut command = pinned(program());
        command.arg("serve").args(["--listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(data).arg("--config").arg(&config);
        let server = Server::start(command, &data.with_extension("log"))?;
        Ok(Self { server, data: data.to_owned() })
    }

    /// Where its requests go.
    pub(crate) fn target(&self) -> Outcome<Target> {
        Target::new(self.server.address)
    }

    /// Adds a user and logs in.
    pub(crate) async fn user(&self) -> Outcome<User> {
        let mut command = Command::new(program());
        command.args(["user", "add", EMAIL, "--password-stdin", "--data-dir"]).arg(&self.data);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().ok_or("no standard input")?.write_all(PASSWORD.as_bytes())?;
        if !child.wait()?.success() {
            return Err("no user could be added".into());
        }
        let mut user = User { target: self.target()?, token: String::new() };
        let basic = STANDARD.encode(format!("{EMAIL}:{PASSWORD}"));
        let head = format!("Authorization: Basic {basic}\r\n");
        let (_, token) = user.send("POST /api/management/v1/useradm/auth/login", &head, &[], 200).await?;
        user.token = String::from_utf8(token)?;
        Ok(user)
    }
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sealift"))
}

impl User {
    /// Asks with a JSON body.
    pub(crate) async fn ask(&self, line: &str, body: &Value, expect: u16) -> Outcome<Answer> {
        let head = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", self.token);
        Ok(self.send(line, &head, body.to_string().as_bytes(), expect).await?.0)
    }

    /// Uploads an artifact.
    pub(crate) async fn upload(&self, artifact: &[u8]) -> Outcome<()> {
        const BOUNDARY: &str = "a-boundary-that-no-artifact-contains";
        let head = format!(
            "Authorization: Bearer {}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n",
            self.token
        );
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"artifact\"; filename=\"bench.mender\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(artifact);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        self.send("POST /api/management/v1/deployments/artifacts", &head, &body, 201).await?;
        Ok(())
    }

    async fn send(&self, line: &str, head: &str, body: &[u8], expect: u16) -> Outcome<(Answer, Vec<u8>)> {
        let mut request =
            format!("{line} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {}\r\n\r\n", body.len())
                .into_bytes();
        request.extend_from_slice(body);
        let mut connection = self.target.connect().await?;
        let answer = connection.ask(&request).await?;
        let said = connection.body(&answer).to_vec();
        if answer.status != expect {
            let said = String::from_utf8_lossy(&said).into_owned();
            return Err(format!("{line} was answered {}: {said}", answer.status).into());
        }
        Ok((answer, said))
    }
}
