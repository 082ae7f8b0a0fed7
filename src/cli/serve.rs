//! `serve`: the service.

use std::{process::ExitCode, sync::Arc};

use bytes::Bytes;
use clap::Args;
use serde_json::json;

use super::{block_on, config_args::ConfigArgs};
use crate::{
    settings::{Environment, Settings, check},
    shutdown,
    startup::{Application, Follow, Parts},
    wiring,
};

/// Runs the service.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
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
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    block_on(serve(args))
}

async fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let environment = Environment::capture();
    let source = args.config.source(&environment);
    let settings = Settings::load(&source)?;
    let follow = Follow::new(source)?;
    let telemetry = Arc::new(wiring::telemetry(&settings)?);
    tell_doubts(&settings, &environment);
    let parts = Parts {
        static_answer: args.bench_static.map(json_of_len),
        telemetry: Some(Arc::clone(&telemetry)),
        ..Parts::system(environment)
    };
    let application = Application::build(&settings, parts, shutdown::on_signals(settings.server.grace())?).await?;
    let application = application.following(follow);
    tracing::info!(service.url = application.service_url(), ops.url = application.ops_url(), "ready");
    if args.json {
        println!("{}", json!({"service": application.service_url(), "ops": application.ops_url()}));
    }
    let ran = application.run().await;
    telemetry.shut_down().await;
    ran?;
    Ok(ExitCode::SUCCESS)
}

/// What `check` would say. It is no reason not to start: who runs it so may mean it.
fn tell_doubts(settings: &Settings, environment: &Environment) {
    let found = check(settings, environment);
    for doubt in found.faults.iter().chain(&found.warnings) {
        tracing::warn!(settings.doubt = %doubt, "see `oss-valet check`");
    }
}

fn json_of_len(len: usize) -> Bytes {
    let frame = r#"{"padding":""}"#.len();
    format!(r#"{{"padding":"{}"}}"#, "x".repeat(len.saturating_sub(frame))).into()
}
