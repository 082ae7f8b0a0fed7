//! `openapi`: prints the OpenAPI 3.1 document.

use std::process::ExitCode;

use crate::http::openapi::{document, to_json};

/// Needs no configuration: addresses in it are relative.
#[expect(clippy::unnecessary_wraps, reason = "as all commands")]
pub(super) fn run() -> anyhow::Result<ExitCode> {
    print!("{}", to_json(&document(None)));
    Ok(ExitCode::SUCCESS)
}
