//! `serve`: the service.

use std::process::ExitCode;

use actix_web::web::Bytes;
use clap::Args;
use serde_json::json;

use super::{ConfigArgs, run_async};
use crate::{
    settings::Environment,
    shutdown,
    startup::{Application, Parts},
    telemetry,
};

/// Runs the service.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints one line of JSON on stdout when ready: {"service","ops"}.
    #[arg(long)]
    json: bool,
    /// Adds `/-/static`, which answers so many bytes of JSON: the benchmark's ceiling.
    #[arg(long, hide = true, value_name = "BYTES")]
    bench_static: Option<usize>,
}

/// Serves until told to stop.
///
/// # Errors
/// When the configuration is faulty, or a part of it is not to be had.
pub fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    run_async(serve(args))
}

#[expect(clippy::print_stdout, reason = "what this command prints is its answer")]
async fn serve(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let environment = Environment::capture();
    let settings = args.config.load(&environment)?;
    telemetry::init(&settings.telemetry);
    let parts = Parts { static_answer: args.bench_static.map(json_of_len), ..Parts::system(environment) };
    let stops = shutdown::on_signals(settings.server.shutdown_grace.to_std()?)?;
    let application = Application::build(&settings, parts, stops.soft.clone()).await?;
    tracing::info!(service = application.service_url(), ops = application.ops_url(), "ready");
    if args.json {
        println!("{}", json!({"service": application.service_url(), "ops": application.ops_url()}));
    }
    stops.run(application.run()).await?;
    Ok(ExitCode::SUCCESS)
}

fn json_of_len(len: usize) -> Bytes {
    let frame = r#"{"padding":""}"#.len();
    format!(r#"{{"padding":"{}"}}"#, "x".repeat(len.saturating_sub(frame))).into()
}
