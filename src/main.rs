//! The `oss-valet` binary: parse the command line, dispatch, turn the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: without a provider rustls panics in whoever builds a client first. A second one is refused: it's ours already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    oss_valet::cli::run()
}
