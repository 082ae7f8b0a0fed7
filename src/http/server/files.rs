//! Each connection is an open file, and the ledger, OSS and sinks need some, too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for everything but clients.
const RESERVED: u64 = 256;

/// As many of these connections as there may be files for, with the soft limit raised as far as it goes: it is low for programs
/// that know no better way of waiting than `select`.
pub(super) fn room_for(connections: usize) -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(error.cause = %error, "the limit of open files can't be raised");
    }
    let room = left_for_clients(connections, getrlimit(Resource::Nofile).current);
    if room < connections {
        tracing::warn!(
            connections.wanted = connections,
            connections.room = room,
            "fewer connections than configured: raise the limit of open files"
        );
    }
    room
}

fn left_for_clients(connections: usize, files: Option<u64>) -> usize {
    let Some(files) = files else { return connections };
    // Of very few, half.
    let left = files.saturating_sub(RESERVED).max(files / 2).max(1);
    connections.min(usize::try_from(left).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_files_to_everybody_else() {
        for (connections, files, room) in [
            (20_000, None, 20_000),
            (20_000, Some(1_048_576), 20_000),
            (20_000, Some(20_000), 19_744),
            (20_000, Some(1024), 768),
            (20_000, Some(100), 50),
            (10, Some(1024), 10),
        ] {
            assert_eq!(left_for_clients(connections, files), room, "{connections} of {files:?}");
        }
    }
}
