//! The command line: one small file per subcommand.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "talking to the terminal is what commands are for")]

mod check;
mod config_args;
mod dev;
mod events;
mod grant;
mod healthcheck;
mod migrate;
mod openapi;
mod roles;
mod serve;
mod sign;
mod simulator;
mod token;
mod uploads;
mod verify_callback;

use std::{future::Future, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};

/// A valet key service for Alibaba Cloud OSS.
#[derive(Debug, Parser)]
#[command(name = "oss-valet", version, about, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything on this machine: service, OSS simulator, ledger, demo page; no account needed
    Dev(dev::DevArgs),
    /// The service
    Serve(serve::ServeArgs),
    /// Load and validate the configuration; name file and key of every fault
    Check(check::CheckArgs),
    /// Bring the ledger's schema up to date
    Migrate(migrate::MigrateArgs),
    /// Print a development token (only where an issuer's HMAC secret is configured)
    Token(token::TokenArgs),
    /// Issue one grant through the ledger; print it as JSON, or as a curl command
    Grant(grant::GrantArgs),
    /// The workbench for `SignatureDoesNotMatch`: sign requests given as JSON lines
    Sign(sign::SignArgs),
    /// The ledger: list grants, show one, look for its object at once
    Uploads(uploads::UploadsArgs),
    /// The outbox: list events, show one, send again; sinks
    Events(events::EventsArgs),
    /// An OSS on this machine, alone: stores, refuses and calls back like the real one
    Simulator(simulator::SimulatorArgs),
    /// The doctor: which step refuses a captured callback, and why
    VerifyCallback(verify_callback::VerifyCallbackArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Ask the running service's /readyz; for container health checks
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// Parses the command line, runs the command, and answers with its exit code.
pub fn run() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Grant(args) => grant::run(args),
        Command::Sign(args) => sign::run(&args),
        Command::Uploads(args) => uploads::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Simulator(args) => simulator::run(&args),
        Command::VerifyCallback(args) => verify_callback::run(&args),
        Command::Openapi => openapi::run(),
        Command::Healthcheck(args) => healthcheck::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Runs an asynchronous command to its end.
fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Runtime::new().context("no runtime")?.block_on(command)
}
