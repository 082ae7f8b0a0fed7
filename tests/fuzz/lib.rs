//! The fuzz targets, for the binaries in `fuzz_targets`.

mod targets;

/// Runs the target of that name; it panics where the code under test breaks a promise.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = targets::TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    target(data);
}
