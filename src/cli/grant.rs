//! `grant`: issues one grant through the ledger, as the service would; prints JSON or a curl command.

use std::{collections::BTreeSet, fmt::Write as _, process::ExitCode};

use clap::Args;

use super::{block_on, config_args::ConfigArgs};
use crate::{
    app::{issue::IssueRequest, ports::Caller, signing::Leave},
    grant::{limits::UncheckedAsk, profile::Method, request::ClientRequest},
    http::view::SignedGrantView,
    settings::Environment,
    startup::{Parts, build_valet},
};

/// Issues one grant.
#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The profile's name.
    #[arg(long)]
    profile: String,
    /// Whose grant.
    #[arg(long)]
    user: String,
    /// post or put; the profile's first otherwise.
    #[arg(long, value_parser = parse_method)]
    method: Option<Method>,
    /// The file's name.
    #[arg(long)]
    filename: Option<String>,
    /// The file's type.
    #[arg(long)]
    content_type: Option<String>,
    /// The file's size in bytes.
    #[arg(long)]
    size: Option<u64>,
    /// Prints a curl command that uploads `./FILE`.
    #[arg(long)]
    curl: bool,
}

/// Issues and prints.
///
/// # Errors
/// When the configuration is faulty, or the grant is refused.
pub(super) fn run(args: GrantArgs) -> anyhow::Result<ExitCode> {
    block_on(issue(args))
}

async fn issue(args: GrantArgs) -> anyhow::Result<ExitCode> {
    let environment = Environment::capture();
    let settings = args.config.load(&environment)?;
    let valet = build_valet(&settings, &Parts::system(environment)).await?;
    // The operator stands above scopes: whatever the profile asks for.
    let scopes = settings.profile(&args.profile).and_then(|profile| profile.scope.clone());
    let caller = Caller {
        issuer: "oss-valet grant".to_owned(),
        subject: args.user.clone(),
        user_id: args.user,
        scopes: scopes.into_iter().collect::<BTreeSet<_>>(),
    };
    let ask = UncheckedAsk {
        filename: args.filename.clone(),
        content_type: args.content_type,
        size: args.size,
        method: args.method.map(|method| method.as_str().to_owned()),
        vars: std::collections::BTreeMap::new(),
    };
    let request = IssueRequest { profile: args.profile, user_id: None, ask };
    let issued = valet.issue(&caller, request, None, valet.clock.now()).await?;
    match issued.signed.leave.as_ref().and_then(Leave::request) {
        Some(request) if args.curl => println!("{}", curl(request, args.filename.as_deref().unwrap_or("FILE"))),
        None if args.curl => anyhow::bail!("such a grant is no single request: there is no curl command for it"),
        _ => println!("{}", serde_json::to_string_pretty(&SignedGrantView::new(&valet, &issued.signed))?),
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_method(name: &str) -> Result<Method, String> {
    let names = || Method::ALL.map(Method::as_str).join(", ");
    Method::from_name(name).ok_or_else(|| format!("one of {}", names()))
}

/// A command for a POSIX shell.
fn curl(request: &ClientRequest, file: &str) -> String {
    let mut command = format!("curl -X {} {}", request.method, quote(&request.url));
    for (name, value) in &request.headers {
        let _ = write!(command, " \\\n  -H {}", quote(&format!("{name}: {value}")));
    }
    for (name, value) in &request.fields {
        // --form-string: a value that begins with @ or < is no file.
        let _ = write!(command, " \\\n  --form-string {}", quote(&format!("{name}={value}")));
    }
    let body = if request.fields.is_empty() { "--data-binary" } else { "-F" };
    let source = if request.fields.is_empty() { format!("@{file}") } else { format!("file=@{file}") };
    let _ = write!(command, " \\\n  {body} {}", quote(&source));
    command
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
