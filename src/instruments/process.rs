//! What the operating system says of this process, by Prometheus' own names. From Linux's `/proc`; elsewhere nothing is told.

use std::fs;

use super::catalogue::{
    PROCESS_CPU, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT, PROCESS_START, PROCESS_THREADS, PROCESS_VIRTUAL,
};

/// Linux tells times in these, on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// Name and value of everything that can be read now.
pub(super) fn readings() -> Vec<(&'static str, f64)> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (status, stat) = (read("/proc/self/status"), read("/proc/self/stat"));
    // The listing itself holds one open, which is not ours otherwise.
    let open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| number(entries.count().saturating_sub(1)));
    [
        (PROCESS_CPU, cpu_seconds(&stat)),
        (PROCESS_RESIDENT, kibibytes(&status, "VmRSS:")),
        (PROCESS_VIRTUAL, kibibytes(&status, "VmSize:")),
        (PROCESS_THREADS, value_behind(&status, "Threads:")),
        (PROCESS_OPEN_FDS, open_fds),
        (PROCESS_MAX_FDS, value_behind(&read("/proc/self/limits"), "Max open files")),
        (PROCESS_START, start_time(&stat, &read("/proc/stat"))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((field(stat, 14)? + field(stat, 15)?) / TICKS_PER_SECOND)
}

fn start_time(stat: &str, machine: &str) -> Option<f64> {
    Some(value_behind(machine, "btime")? + field(stat, 22)? / TICKS_PER_SECOND)
}

/// A field of `/proc/self/stat`, counted from 1 as `proc(5)` does. The second is the program's name, which may hold anything.
fn field(stat: &str, position: usize) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(position - 3)?.parse().ok()
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    value_behind(status, name).map(|kibibytes| kibibytes * 1024.0)
}

/// The first number on the line that begins with the name.
fn value_behind(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "4711 (a name) with (odd) S 1 4711 4711 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 9000 1000 200";

    #[test]
    fn fields_are_counted_behind_the_name_whatever_it_holds() {
        assert_eq!(cpu_seconds(STAT), Some(3.0));
        assert_eq!(start_time(STAT, "cpu 1 2 3\nbtime 1000\n"), Some(1090.0));
        assert_eq!(cpu_seconds("nonsense"), None);
    }

    #[test]
    fn lines_are_found_by_their_beginning() {
        let status = "Name:\toss-valet\nVmSize:\t  2048 kB\nVmRSS:\t 1024 kB\nThreads:\t5\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(1_048_576.0));
        assert_eq!(value_behind(status, "Threads:"), Some(5.0));
        assert_eq!(
            value_behind("Max open files            1024                 4096                 files", "Max open files"),
            Some(1024.0)
        );
        assert_eq!(value_behind(status, "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn everything_can_be_read_here() {
        let readings = readings();
        assert_eq!(readings.len(), 7, "{readings:?}");
        assert!(readings.iter().all(|(_, value)| *value > 0.0 || value.abs() < f64::EPSILON), "{readings:?}");
    }
}
