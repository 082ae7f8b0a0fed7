//! Every input that fuzzing is given to start with, and every one that it ever failed on, replayed through its target.
#![cfg(test)]

use std::{collections::BTreeSet, fs, panic, path::Path, sync::LazyLock};

use proptest::{collection::vec, prelude::*, sample::Index};

#[path = "fuzz/targets/mod.rs"]
mod targets;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz");

/// The names in a folder, without their extension.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(FUZZ).join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

/// The committed inputs of each target, sorted by file name.
static INPUTS: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| {
    let read = |(name, _): &(&str, targets::Target)| {
        let folder = Path::new(FUZZ).join("corpus").join(name);
        let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    };
    targets::TARGETS.iter().map(read).collect()
});

/// A small change of an input.
#[derive(Debug, Clone)]
enum Edit {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    /// From there on, the rest of another input of the target.
    Cross(Index, Index, Index),
    /// A piece of it once more.
    Repeat(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let byte = || prop_oneof![3 => b' '..=b'~', 1 => any::<u8>()];
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, by)| Edit::Replace(at, by)),
        (any::<Index>(), byte()).prop_map(|(at, by)| Edit::Insert(at, by)),
        any::<Index>().prop_map(Edit::Remove),
        any::<[Index; 3]>().prop_map(|[at, other, from]| Edit::Cross(at, other, from)),
        any::<[Index; 2]>().prop_map(|[from, to]| Edit::Repeat(from, to)),
    ]
}

fn apply(edit: &Edit, data: &mut Vec<u8>, others: &[Vec<u8>]) {
    let place = |at: &Index| at.index(data.len() + 1);
    match edit {
        Edit::Insert(at, by) => data.insert(place(at), *by),
        Edit::Cross(at, other, from) => {
            let other = other.get(others);
            let from = from.index(other.len() + 1);
            data.truncate(place(at));
            data.extend_from_slice(&other[from..]);
        }
        Edit::Repeat(from, to) => {
            let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
            let piece = data[from..to].to_vec();
            data.splice(to..to, piece);
        }
        Edit::Replace(at, by) if !data.is_empty() => *at.get_mut(data) = *by,
        Edit::Remove(at) if !data.is_empty() => drop(data.remove(at.index(data.len()))),
        Edit::Replace(..) | Edit::Remove(_) => {}
    }
}

proptest! {
    /// No parser breaks a promise over any bytes, nor over inputs that are nearly right.
    #[test]
    fn every_target_holds_over_any_bytes_and_over_edited_inputs(
        bytes in vec(any::<u8>(), 0..64), which: Index, edits in vec(edit(), 1..6),
    ) {
        for ((name, target), inputs) in targets::TARGETS.iter().zip(INPUTS.iter()) {
            let mut edited = which.get(inputs).clone();
            for edit in &edits {
                apply(edit, &mut edited, inputs);
            }
            for data in [&bytes, &edited] {
                let held = panic::catch_unwind(|| target(data)).is_ok();
                prop_assert!(held, "{}: {:?}", name, String::from_utf8_lossy(data));
            }
        }
    }
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
