use std::io::{self, IsTerminal};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use ureq::SendBody;
use zeroize::Zeroizing;

use super::super::{Failure, print};
use super::Connection;
use super::session::Session;

/// Log in to a server, for upload and deploy.
///
/// The session is kept in `sealift/artifact-tool.json` of the folder for configuration, readable by its owner only.
/// In CI set `SEALIFT_TOKEN` instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
artifact-tool login --server https://ota.example.com:8443 --ca ca.crt release@example.com")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Read the password from standard input instead of asking the terminal
    #[arg(long)]
    password_stdin: bool,
    /// Print the token instead of keeping the session
    #[arg(long)]
    print_token: bool,
    /// Print where the session is kept as JSON
    #[arg(long, conflicts_with = "print_token")]
    json: bool,
    /// Address of the user
    email: String,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let client = args.connection.anonymous()?;
    let password = read_password(args)?;
    let basic = STANDARD.encode(format!("{}:{}", args.email, *password));
    let headers = [("authorization", &*format!("Basic {basic}"))];
    let answer = client.post("/api/management/v1/useradm/auth/login", &headers, SendBody::none())?;
    let token = answer.body.trim().to_owned();
    if args.print_token {
        return print::data(&format!("{token}\n"));
    }
    let ca = match &args.connection.ca {
        Some(ca) => Some(ca.canonicalize().map_err(|error| Failure::unreachable(ca, &error))?),
        None => Session::load().filter(|old| old.server == client.server()).and_then(|old| old.ca),
    };
    let path = Session { server: client.server().to_owned(), ca, token }.store()?;
    if args.json {
        return print::json(&json!({"server": client.server(), "session": path.display().to_string()}));
    }
    print::data(&format!("Logged in to {} as {}\n", client.server(), args.email))
}

fn read_password(args: &Args) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("failed to read the password: {error}"));
    if args.password_stdin {
        let mut line = Zeroizing::new(String::new());
        io::stdin().read_line(&mut line).map_err(failed)?;
        let length = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(length);
        return Ok(line);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("no terminal to ask for the password; give --password-stdin"));
    }
    rpassword::prompt_password(format!("Password of {}: ", args.email)).map(Zeroizing::new).map_err(failed)
}
