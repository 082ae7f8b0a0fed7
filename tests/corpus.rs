//! Every input that fuzzing is given to start with, and every one that it ever failed on, replayed through its target.

use std::{collections::BTreeSet, fs, panic, path::Path};

#[path = "fuzz/targets/mod.rs"]
mod targets;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz");

/// The names in a folder, without their extension.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(FUZZ).join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_committed_input_satisfies_its_target() {
    let mut replayed = 0;
    let mut failed = vec![];
    for (name, target) in targets::TARGETS {
        let folder = Path::new(FUZZ).join("corpus").join(name);
        let mut inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "no inputs in {}", folder.display());
        inputs.sort();
        for input in inputs {
            let data = fs::read(&input).unwrap();
            if panic::catch_unwind(|| target(&data)).is_err() {
                failed.push(input);
            }
            replayed += 1;
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(replayed > 150, "{replayed} inputs");
}

#[test]
fn every_target_has_a_module_a_binary_and_a_corpus() {
    let known: BTreeSet<String> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut modules = names("targets");
    assert!(modules.remove("mod"));
    assert_eq!(modules, known, "tests/fuzz/targets");
    assert_eq!(names("fuzz_targets"), known, "tests/fuzz/fuzz_targets");
    assert_eq!(names("corpus"), known, "tests/fuzz/corpus");
    let manifest = fs::read_to_string(Path::new(FUZZ).join("Cargo.toml")).unwrap();
    for name in known {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is missing in tests/fuzz/Cargo.toml");
    }
}
