//! `simulator`: an OSS on this machine, without the service.

use std::{fs, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
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
    /// Threads that serve.
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..))]
    workers: u8,
    #[command(flatten)]
    roles: RoleArgs,
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
    args.roles.add_to(SimulatorSettings {
        refuse_private_callbacks: args.refuse_private_callbacks,
        min_part_bytes: args.min_part_size,
        workers: args.workers.into(),
        ..settings
    })
}
