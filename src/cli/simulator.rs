//! `simulator`: an OSS on this machine, without the service.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;
use tempfile::TempDir;

use super::{
    block_on,
    roles::{ReadyRole, RoleArgs, ready_provider, ready_roles},
};
use crate::{
    clock::SystemClock,
    oss::access_key::AccessKey,
    shutdown,
    simulator::{
        Action, BucketSpec, CALLBACK_TIMEOUT, MIN_PART_BYTES, Permissions, Simulator, SimulatorSettings, Versioning,
    },
};

/// An OSS that runs on this machine.
#[derive(Debug, Args)]
pub(super) struct SimulatorArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Keeps objects and the callback key here; a temporary folder otherwise.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A bucket; may be given several times.
    #[arg(long = "bucket", value_name = "NAME", default_value = "dev-media")]
    buckets: Vec<String>,
    /// Where the buckets are; V4 signatures must name it.
    #[arg(long, default_value = "cn-hangzhou")]
    region: String,
    /// Keeps every version of every object.
    #[arg(long)]
    versioning: bool,
    /// A custom domain that stands for the first bucket; may be given several times.
    #[arg(long = "cname", value_name = "HOST")]
    cnames: Vec<String>,
    /// The credential that may do everything.
    #[arg(long, value_name = "ID", default_value = "LTAI5tSimulatorOwner")]
    access_key_id: String,
    /// Its secret.
    #[arg(long, value_name = "SECRET", default_value = "simulator-owner-secret", hide_default_value = true)]
    access_key_secret: String,
    /// The size in bytes that every part of a multipart upload but the last must have; OSS's is the default.
    #[arg(long, value_name = "BYTES", default_value_t = MIN_PART_BYTES)]
    min_part_size: u64,
    /// Refuses callbacks to private and loopback addresses, as OSS does.
    #[arg(long)]
    refuse_private_callbacks: bool,
    /// An authority that callbacks over TLS may go by, beside those that this machine trusts.
    #[arg(long, value_name = "PEM_FILE")]
    callback_ca: Option<PathBuf>,
    /// Where a callback's host is, without asking for its name; may be given several times.
    #[arg(long = "callback-host", value_name = "HOST=ADDRESS", value_parser = parse_host)]
    callback_hosts: Vec<(String, IpAddr)>,
    /// Threads that serve.
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..))]
    workers: u8,
    #[command(flatten)]
    roles: RoleArgs,
}

fn parse_host(text: &str) -> Result<(String, IpAddr), String> {
    let host = text.split_once('=').and_then(|(host, address)| Some((host.to_owned(), address.parse().ok()?)));
    host.filter(|(host, _)| !host.is_empty()).ok_or_else(|| "is not of the form HOST=ADDRESS".to_owned())
}

/// The one line on stdout.
#[derive(Serialize)]
struct Ready<'a> {
    url: String,
    buckets: &'a [String],
    region: &'a str,
    access_keys: Vec<ReadyKey<'a>>,
    callback_key_url: String,
    callback_key_pem: PathBuf,
    /// Where STS is: the same place.
    sts: String,
    roles: Vec<ReadyRole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc_provider: Option<String>,
}

#[derive(Serialize)]
struct ReadyKey<'a> {
    id: &'a str,
    secret: &'a str,
    may: &'a str,
}

/// A second credential, for what must work, or fail, without the right to set ACLs.
const VALET: (&str, &str) = ("LTAI5tSimulatorValet", "simulator-valet-secret");

/// Serves until interrupted; prints one line of JSON when ready.
///
/// # Errors
/// When the port is taken, or the data folder can't be used.
pub(super) fn run(args: &SimulatorArgs) -> anyhow::Result<ExitCode> {
    block_on(serve(args))
}

async fn serve(args: &SimulatorArgs) -> anyhow::Result<ExitCode> {
    let temporary = args.data.is_none().then(tempfile::tempdir).transpose()?;
    let data = temporary.as_ref().map(TempDir::path).or(args.data.as_deref()).context("a data folder")?;
    fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    let data = fs::canonicalize(data)?;
    let settings = settings(args, data)?;
    let (roles, oidc_provider) = (ready_roles(&settings), ready_provider(&settings));
    let simulator = Simulator::bind(settings)?;
    let stops = shutdown::on_signals(CALLBACK_TIMEOUT)?;
    let ready = Ready {
        url: simulator.url(),
        buckets: &args.buckets,
        region: &args.region,
        access_keys: vec![
            ReadyKey { id: &args.access_key_id, secret: &args.access_key_secret, may: "everything" },
            ReadyKey { id: VALET.0, secret: VALET.1, may: "everything but PutObjectAcl" },
        ],
        callback_key_url: simulator.callback_key_url(),
        callback_key_pem: simulator.callback_public_key_path(),
        sts: simulator.url(),
        roles,
        oidc_provider,
    };
    println!("{}", serde_json::to_string(&ready)?);
    simulator.run(stops.soft.clone()).await?;
    Ok(ExitCode::SUCCESS)
}

/// A file without a certificate would be none the wiser: every callback would fail later, without saying why.
fn read_authority(path: &Path) -> anyhow::Result<String> {
    let pem = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    ensure!(pem.contains("-----BEGIN CERTIFICATE-----"), "{}: no certificate in PEM", path.display());
    Ok(pem)
}

fn settings(args: &SimulatorArgs, data: PathBuf) -> anyhow::Result<SimulatorSettings> {
    let owner = AccessKey::new(&args.access_key_id, &args.access_key_secret);
    let settings = SimulatorSettings::new(args.listen, data, Arc::new(SystemClock))
        .with_key(owner, Permissions::all())
        .with_key(AccessKey::new(VALET.0, VALET.1), Permissions::all().without(Action::PutObjectAcl));
    let buckets = args.buckets.iter().enumerate().map(|(index, name)| BucketSpec {
        versioning: if args.versioning { Versioning::Enabled } else { Versioning::Unversioned },
        cname_hosts: if index == 0 { args.cnames.clone() } else { vec![] },
        ..BucketSpec::new(name, &args.region)
    });
    let settings = buckets.fold(settings, SimulatorSettings::with_bucket);
    let authority = args.callback_ca.as_deref().map(read_authority).transpose()?;
    args.roles.add_to(SimulatorSettings {
        refuse_private_callbacks: args.refuse_private_callbacks,
        callback_roots_pem: authority,
        callback_hosts: args.callback_hosts.iter().cloned().collect(),
        min_part_bytes: args.min_part_size,
        workers: args.workers.into(),
        ..settings
    })
}
