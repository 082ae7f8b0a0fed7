//! The `oss-valet` binary: parse the command line, dispatch, turn the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    oss_valet::cli::run()
}
