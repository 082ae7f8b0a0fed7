//! `oss-valet token`: a development token, where we hold an issuer's secret.

use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::ConfigArgs;
use crate::{
    auth,
    clock::{Clock, SystemClock},
    settings::{Environment, IssuerKeys, Settings, parse_duration},
};

/// `token`.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The user it speaks for
    #[arg(long, value_name = "ID")]
    user: String,
    /// A scope it holds; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// How long it lives
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    ttl: TimeDelta,
}

/// Prints the token, alone on its line.
#[expect(clippy::print_stdout, reason = "what this command prints is its answer")]
pub(super) fn run(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    let settings = args.config.load(&Environment::capture())?;
    println!("{}", mint(&settings, &args.user, &args.scope, args.ttl, SystemClock.now())?);
    Ok(ExitCode::SUCCESS)
}

/// A token of the first issuer whose HMAC secret is configured: what a private key signs is not ours to make.
pub(super) fn mint(
    settings: &Settings,
    user: &str,
    scopes: &[String],
    ttl: TimeDelta,
    now: DateTime<Utc>,
) -> anyhow::Result<String> {
    let held = settings.auth.issuers.iter().find_map(|issuer| match &issuer.keys {
        IssuerKeys::HmacSecret(secret) => Some((issuer, secret)),
        _ => None,
    });
    let (issuer, secret) = held.context("no issuer in auth.issuers has an hmac_secret to sign with")?;
    let request = auth::TokenRequest {
        issuer: &issuer.issuer,
        audience: issuer.audience.first().map(String::as_str),
        secret,
        user_id_claim: &settings.auth.user_id_claim,
        user,
        scope_claim: &settings.auth.scope_claim,
        scopes,
        ttl,
    };
    auth::mint(&request, now).context("the token can't be signed")
}
