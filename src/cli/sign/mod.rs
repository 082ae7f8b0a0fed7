//! `oss-valet sign`: the workbench for `SignatureDoesNotMatch`. JSON lines in, every stage of each signature out.

mod case;
mod ordered_json;
mod post;

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use serde_json::{Value, json};

/// Signs the cases of a file, and shows every stage.
///
/// A line is one JSON object: `kind` (presign, header or post), `version`, `method`, `bucket`, `key`, `endpoint {url, style}`, `region`,
/// `credentials`, `now` (epoch seconds), `expires_in`, `headers`, `query`, `additional_headers`; for post `policy`, or `policy_text`, which is signed byte for byte.
#[derive(Debug, clap::Args)]
pub(super) struct SignArgs {
    /// The file of cases; `-` reads standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// Answers each line with one line: the signature and its stages, or `{"id","error"}`. Exit code 1 when any line failed.
///
/// # Errors
/// When the input cannot be read or the output not written.
pub(super) fn run(args: &SignArgs) -> anyhow::Result<ExitCode> {
    let stdout = std::io::stdout().lock();
    let all_signed = if args.file.as_os_str() == "-" {
        sign_lines(std::io::stdin().lock(), stdout)?
    } else {
        let file = File::open(&args.file).with_context(|| format!("cannot open {}", args.file.display()))?;
        sign_lines(BufReader::new(file), stdout)?
    };
    Ok(if all_signed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether every line could be signed.
fn sign_lines(input: impl BufRead, mut output: impl Write) -> anyhow::Result<bool> {
    let mut all_signed = true;
    for line in input.lines() {
        let line = line.context("cannot read the cases")?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = case::sign_line(&line).unwrap_or_else(|error| {
            all_signed = false;
            json!({"id": id_of(&line), "error": error.to_string()})
        });
        serde_json::to_writer(&mut output, &answer).context("cannot write the answer")?;
        output.write_all(b"\n").context("cannot write the answer")?;
    }
    output.flush().context("cannot write the answer")?;
    Ok(all_signed)
}

fn id_of(line: &str) -> Value {
    serde_json::from_str::<Value>(line).map_or(Value::Null, |case| case["id"].clone())
}

#[cfg(test)]
mod tests;
