//! The command line: one small file per subcommand.

pub mod sign;

use std::process::ExitCode;

/// Parses the command line, runs the command, and answers with its exit code.
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
