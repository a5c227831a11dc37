//! From arguments to an exit status.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::common::CommonArgs;
use super::error::CliError;
use super::exit::Exit;
use super::output::print_error;
use super::{calibrate_argon2, check, demo, migrate, openapi, serve, user};
use crate::config::{Config, Flags};
use crate::telemetry;

const EXAMPLES: &str = "\
Examples:
  sealift demo                              see it work: a server, 25 devices, one update
  sealift serve --public-url https://ota.example.com:8443
  sealift user add admin@example.com --role admin
  sealift check --config /etc/sealift.toml

Every setting is a key of the TOML file (--config), a variable SEALIFT_* and, where it has one, a flag;
the later wins.

Exit status: 0 done, 1 the answer is no, 2 wrong use, 3 the server or a file could not be reached.";

/// Over-the-air update server for fleets of Linux devices
#[derive(Debug, Parser)]
#[command(name = "sealift", version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    User(user::Args),
    Demo(demo::Args),
    #[command(name = "calibrate-argon2")]
    CalibrateArgon2(calibrate_argon2::Args),
    Check(check::Args),
    Migrate(migrate::Args),
    Openapi(openapi::Args),
}

/// Runs the program: the arguments include its name, `variables` is the environment.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>, variables: &[(String, String)]) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors. Nobody may be left to read either.
            let exit = if error.use_stderr() { Exit::WrongUse } else { Exit::Done };
            let _ = error.print();
            return exit;
        }
    };
    run(cli, variables).unwrap_or_else(|error| {
        print_error(&format!("error: {}", error.explain()));
        error.exit()
    })
}

fn run(cli: Cli, variables: &[(String, String)]) -> Result<Exit, CliError> {
    let Cli { common, command } = cli;
    let prepare = |flags, logs| prepare(&common, variables, flags, logs);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::unreachable("failed to start", error))?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => serve::run(prepare(args.flags(), None)?).await,
            Command::User(args) => user::run(prepare(Flags::default(), None)?, args).await,
            Command::Demo(args) => demo::run(prepare(Flags::default(), Some(demo::LOGS))?, args).await,
            Command::CalibrateArgon2(args) => calibrate_argon2::run(args),
            Command::Check(args) => check::run(prepare(Flags::default(), None)?, args).await,
            Command::Migrate(args) => migrate::run(prepare(Flags::default(), None)?, args).await,
            Command::Openapi(args) => openapi::run(args),
        }
    })
}

/// Loads the configuration and sets logs up as it says, else as `logs` says.
fn prepare(
    common: &CommonArgs,
    variables: &[(String, String)],
    flags: Flags,
    logs: Option<&str>,
) -> Result<Config, CliError> {
    let loaded = common.load(variables, flags)?;
    telemetry::init(loaded.config.log_format, loaded.config.log_filter.as_deref().or(logs))?;
    for variable in loaded.ignored_variables {
        tracing::warn!(variable, "environment variable is not a setting");
    }
    Ok(loaded.config)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_flags_go_before_and_after_the_subcommand() {
        for line in
            ["sealift --data-dir d check", "sealift check --data-dir d", "sealift user list --data-dir d"]
        {
            assert_eq!(parse(line).unwrap().common.data_dir.unwrap().to_str(), Some("d"), "{line}");
        }
    }

    #[test]
    fn the_fixed_command_lines_parse() {
        for line in [
            "sealift serve --config f --data-dir d --listen 127.0.0.1:0 --public-url https://h --database-url sqlite:x --tls-cert c --tls-key k --issuer i",
            "sealift user add a@example.com --role release-manager --password-stdin",
            "sealift user reset-password a@example.com",
            "sealift user reset-2fa a@example.com",
            "sealift user disable a@example.com",
            "sealift demo --devices 5 --exit",
            "sealift calibrate-argon2",
            "sealift migrate",
            "sealift openapi",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{error}"));
        }
        assert!(matches!(parse("sealift demo").unwrap().command, Command::Demo(args) if args.devices == 25));
        for line in
            ["sealift", "sealift serve --listen here", "sealift user add a --role king", "sealift sail"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
