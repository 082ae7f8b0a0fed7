//! `oss-valet verify-callback`: the doctor. Reads one captured callback and says which step fails, and why.

mod capture;
mod diagnose;
mod header_hints;
mod key_hints;
mod rewrites;
mod variants;

use std::{fs, io::Read as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use url::Url;

use self::{
    capture::Capture,
    diagnose::{Diagnosis, Knowledge, diagnose},
};
use crate::{
    grant::seal::{SealKey, SealKeys},
    oss::callback_signature::TrustedKeys,
};

/// Longest input that is read, in bytes: a header of 64 KiB, a body of 64 KiB, and the Base64 of a case.
const MAX_INPUT: u64 = 1024 * 1024;

/// Says which step of the callback route refuses a captured request, and the likely cause.
///
/// The input is one HTTP request as it arrived, or one case of the callback vectors as JSON. Needs no configuration.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyCallbackArgs {
    /// The captured request; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// One line of JSON: `{"ok","steps":[{"step","ok","code","detail","hint"}]}`
    #[arg(long)]
    json: bool,
    /// A public key to trust under its exact URL, in place of OSS's own; may be repeated
    #[arg(long, value_name = "URL=PEM_FILE", value_parser = parse_trusted_key)]
    trusted_key: Vec<(String, PathBuf)>,
    /// The callback URL that was issued: a proxy may have rewritten its path
    #[arg(long, value_name = "URL")]
    public_url: Option<Url>,
    /// The file with the seal secret; without it the seal is not checked
    #[arg(long, value_name = "FILE")]
    seal_secret_file: Option<PathBuf>,
}

/// Prints the diagnosis. Exit code 1 when a step failed.
///
/// # Errors
/// When a file cannot be read, or what it holds is no request, key or secret.
pub(super) fn run(args: &VerifyCallbackArgs) -> anyhow::Result<ExitCode> {
    let knowledge = Knowledge {
        trusted: trusted_keys(&args.trusted_key)?,
        public_url: args.public_url.clone(),
        seal_keys: args.seal_secret_file.as_ref().map(seal_keys).transpose()?,
    };
    let diagnosis = diagnose(&Capture::parse(&read_input(&args.file)?)?, &knowledge);
    if args.json {
        println!("{}", serde_json::to_string(&diagnosis).context("cannot write the diagnosis")?);
    } else {
        print!("{}", for_people(&diagnosis));
    }
    Ok(if diagnosis.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn for_people(diagnosis: &Diagnosis) -> String {
    let lines = diagnosis.steps.iter().map(|finding| {
        let mark = match finding.ok {
            Some(true) => "ok",
            Some(false) => "FAILED",
            None => "-",
        };
        let code = finding.code.map(|code| format!("{code}: ")).unwrap_or_default();
        let hint = finding.hint.as_ref().map(|hint| format!("{:<19}likely cause: {hint}\n", "")).unwrap_or_default();
        format!("{:<11}{mark:<8}{code}{}\n{hint}", finding.step, finding.detail)
    });
    lines.collect()
}

fn read_input(file: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let mut input = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut input)
    } else {
        fs::File::open(file).and_then(|file| file.take(MAX_INPUT + 1).read_to_end(&mut input))
    };
    read.with_context(|| format!("cannot read {}", file.display()))?;
    anyhow::ensure!(input.len() as u64 <= MAX_INPUT, "the input is longer than {MAX_INPUT} bytes: no callback is");
    Ok(input)
}

/// Split at the last `=`: a URL may hold one.
fn parse_trusted_key(text: &str) -> Result<(String, PathBuf), String> {
    let (url, file) = text.rsplit_once('=').ok_or("expected URL=PEM_FILE")?;
    if url.is_empty() || file.is_empty() {
        Err("expected URL=PEM_FILE".to_owned())
    } else {
        Ok((url.to_owned(), file.into()))
    }
}

fn trusted_keys(given: &[(String, PathBuf)]) -> anyhow::Result<TrustedKeys> {
    if given.is_empty() {
        return Ok(TrustedKeys::oss());
    }
    given.iter().try_fold(TrustedKeys::none(), |keys, (url, file)| {
        let pem = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        keys.with(url, &pem).with_context(|| format!("{} can't be trusted", file.display()))
    })
}

/// The kid is whatever the grant says: a secret file does not name it.
fn seal_keys(file: &PathBuf) -> anyhow::Result<SealKeys> {
    let secret = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let secret = secret.strip_suffix(b"\n").unwrap_or(&secret);
    let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
    let key = SealKey::derive("given", secret).with_context(|| format!("{} holds no seal secret", file.display()))?;
    Ok(SealKeys::new(vec![key])?)
}
