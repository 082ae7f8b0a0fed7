//! `dev`: everything on this machine, no account: service, operations listener, OSS simulator, SQLite, demo page.

mod secrets;

use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use chrono::TimeDelta;
use clap::Args;
use serde::Serialize;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use self::secrets::DevSecrets;
use super::{
    block_on,
    roles::{READY_ROLE, RoleArgs},
};
use crate::{
    clock::{Clock, SystemClock},
    entropy::SystemEntropy,
    oss::access_key::AccessKey,
    settings::{ConfigSource, Environment, Settings},
    shutdown,
    simulator::{Action, BucketSpec, Permissions, Simulator, SimulatorSettings},
    startup::{Application, Follow, Listeners, Parts},
    wiring,
};

const BUCKET: &str = "dev-media";
const REGION: &str = "cn-hangzhou";
const USER: &str = "u-dev";
/// Long enough for a day of trying things out.
const TOKEN_TTL: TimeDelta = TimeDelta::hours(24);
const LAYER: &str = include_str!("layer.toml");

/// Everything on this machine, no account needed.
#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// Where the service listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the operations listener listens.
    #[arg(long, default_value = "127.0.0.1:9090")]
    ops_listen: SocketAddr,
    /// Where the OSS simulator listens.
    #[arg(long, default_value = "127.0.0.1:9000")]
    simulator_listen: SocketAddr,
    /// Keeps ledger, objects and keys here; a temporary folder otherwise.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Sends events here.
    #[arg(long, value_name = "URL")]
    sink: Option<String>,
    /// Reads DIR/development.toml over the built-in settings.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Prints one line of JSON on stdout when ready.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    roles: RoleArgs,
}

/// The one line of `--json`.
#[derive(Serialize)]
struct Ready<'a> {
    service: &'a str,
    ops: &'a str,
    simulator: &'a str,
    demo: String,
    bucket: &'a str,
    region: &'a str,
    access_key_id: &'a str,
    access_key_secret: &'a str,
    token: &'a str,
    /// What the sink can verify events with.
    #[serde(skip_serializing_if = "Option::is_none")]
    sink_secret: Option<&'a str>,
}

/// Runs until interrupted.
///
/// # Errors
/// When a port is taken, or the data folder can't be used.
pub(super) fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    block_on(serve(args))
}

async fn serve(args: &DevArgs) -> anyhow::Result<ExitCode> {
    let temporary = args.data.is_none().then(tempfile::tempdir).transpose()?;
    let data = temporary.as_ref().map(TempDir::path).or(args.data.as_deref()).context("a data folder")?;
    fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    let secrets = DevSecrets::load_or_create(data, &SystemEntropy)?;

    let simulator_settings = simulator_settings(args, data, &secrets)?;
    let role_arn = simulator_settings.role_arn(READY_ROLE);
    let simulator = Simulator::bind(simulator_settings)?;
    let listeners = Listeners { public: bind(args.listen)?, ops: bind(args.ops_listen)? };
    let source = settings_source(args, data, &secrets, &simulator, &role_arn, &listeners)?;
    let settings = Settings::load(&source)?;
    let follow = Follow::new(source)?;
    let telemetry = Arc::new(wiring::telemetry(&settings)?);
    let token = wiring::development_token(&settings, USER, &[], TOKEN_TTL, SystemClock.now())?;

    let stops = shutdown::on_signals(settings.server.grace())?;
    let stop_simulator = CancellationToken::new();
    let simulator_url = simulator.url();
    let simulator = tokio::spawn(simulator.run(stop_simulator.clone()));
    let parts = Parts {
        listeners: Some(listeners),
        telemetry: Some(Arc::clone(&telemetry)),
        ..Parts::system(Environment::capture())
    };
    let application = Application::build(&settings, parts, stops).await?.following(follow);
    announce(args, &secrets, &application, &simulator_url, &token)?;
    let ran = application.run().await;
    telemetry.shut_down().await;
    ran?;
    stop_simulator.cancel();
    simulator.await?.context("the simulator")?;
    Ok(ExitCode::SUCCESS)
}

fn simulator_settings(args: &DevArgs, data: &Path, secrets: &DevSecrets) -> anyhow::Result<SimulatorSettings> {
    let owner = AccessKey::new(&secrets.owner_key_id, &secrets.owner_key_secret);
    let valet = AccessKey::new(&secrets.valet_key_id, &secrets.valet_key_secret);
    let mut bucket = BucketSpec::new(BUCKET, REGION);
    // ali-oss knows no path style: it needs a custom domain, and `localhost` resolves everywhere.
    bucket.cname_hosts = vec!["localhost".to_owned()];
    let settings = SimulatorSettings::new(args.simulator_listen, data.join("oss"), Arc::new(SystemClock))
        .with_bucket(bucket)
        .with_key(owner, Permissions::all())
        .with_key(valet, Permissions::all().without(Action::PutObjectAcl));
    args.roles.add_to(settings)
}

fn settings_source(
    args: &DevArgs,
    data: &Path,
    secrets: &DevSecrets,
    simulator: &Simulator,
    role_arn: &str,
    listeners: &Listeners,
) -> anyhow::Result<ConfigSource> {
    let ledger = fs::canonicalize(data)?.join("ledger.db");
    let mut layer = LAYER.to_owned();
    for (name, value) in [
        ("listen", listeners.public.local_addr()?.to_string()),
        ("ops_listen", listeners.ops.local_addr()?.to_string()),
        ("service", format!("http://{}", listeners.public.local_addr()?)),
        ("simulator", simulator.url()),
        ("role_arn", role_arn.to_owned()),
        ("jwt_secret", secrets.jwt_secret.clone()),
        ("seal_secret", secrets.seal_secret.clone()),
        ("access_key_id", secrets.valet_key_id.clone()),
        ("access_key_secret", secrets.valet_key_secret.clone()),
        ("callback_key_url", simulator.callback_key_url()),
        ("callback_key_pem", simulator.callback_public_key_pem()),
        ("ledger", ledger.display().to_string()),
    ] {
        layer = layer.replace(&format!("{{{name}}}"), &value);
    }
    if let Some(url) = &args.sink {
        let secret = &secrets.sink_secret;
        write!(layer, "\n[[sinks]]\nurl = {url:?}\nsecrets = [{secret:?}]\nname = \"dev\"\nallow_private = true\n")?;
    }
    Ok(ConfigSource {
        dir: args.config.clone(),
        env: "development".to_owned(),
        environment: Environment::capture(),
        built_in: Some(("oss-valet dev".to_owned(), layer)),
    })
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("{address} can't be listened on"))
}

fn announce(
    args: &DevArgs,
    secrets: &DevSecrets,
    application: &Application,
    simulator: &str,
    token: &str,
) -> anyhow::Result<()> {
    let ready = Ready {
        service: application.service_url(),
        ops: application.ops_url(),
        simulator,
        demo: format!("{}/demo#token={token}", application.service_url()),
        bucket: BUCKET,
        region: REGION,
        access_key_id: &secrets.owner_key_id,
        access_key_secret: &secrets.owner_key_secret,
        token,
        sink_secret: args.sink.as_ref().map(|_| secrets.sink_secret.as_str()),
    };
    if args.json {
        println!("{}", serde_json::to_string(&ready)?);
    } else {
        println!("oss-valet is ready.\n");
        println!("  demo       {}\n", ready.demo);
        println!("  service    {}", ready.service);
        println!("  operations {}", ready.ops);
        println!("  simulator  {}/{}/", ready.simulator, ready.bucket);
        println!("  STS        {}  (role {READY_ROLE})", ready.simulator);
        println!("  token      {}", ready.token);
        if let (Some(url), Some(secret)) = (&args.sink, ready.sink_secret) {
            println!("  events     {url}  (signed with {secret})");
        }
        println!();
        println!("Open the demo page and drop a picture on it. Ctrl-C ends everything.");
    }
    Ok(())
}
