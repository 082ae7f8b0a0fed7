//! The threat model's proofs: names of tests.

use std::{collections::BTreeSet, path::Path};

use crate::{files_below, prose, read};

const THREAT_MODEL: &str = "docs/threat-model.md";
/// Names with fewer words are settings, codes and functions of the text's own.
const WORDS_OF_A_TEST: usize = 4;

/// What stands in backticks in a document's prose; a pair of backticks may be broken over lines by no one here.
fn in_backticks(text: &str) -> Vec<&str> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// Names as tests have them: several words of small letters and digits.
fn names_of_tests(text: &str) -> BTreeSet<&str> {
    let is_name = |name: &&str| {
        let words: Vec<_> = name.split('_').collect();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        words.len() >= WORDS_OF_A_TEST && words.iter().all(|word| !word.is_empty() && word.chars().all(plain))
    };
    in_backticks(text).into_iter().filter(is_name).collect()
}

/// Names that follow `keyword` and are functions.
fn functions<'a>(source: &'a str, keyword: &str) -> impl Iterator<Item = &'a str> {
    source.split(keyword).skip(1).filter_map(|rest| rest.split_once('(')).map(|(name, _)| name.trim())
}

/// Every function below `tests/` and `src/`, whichever language; the prefix that Python wants is no part of a name.
fn all_functions() -> BTreeSet<String> {
    let rust = ["tests", "src"].into_iter().flat_map(|folder| files_below(folder, ".rs"));
    let rust = rust.flat_map(|path| functions(&read(&path), "fn ").map(str::to_owned).collect::<Vec<_>>());
    let python = files_below("tests", ".py").into_iter();
    let python = python.flat_map(|path| functions(&read(&path), "def test_").map(str::to_owned).collect::<Vec<_>>());
    rust.chain(python).collect()
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let text = read(Path::new(THREAT_MODEL));
    let named = names_of_tests(&text);
    assert!(named.len() > 100, "{}", named.len());
    let known = all_functions();
    let missing: Vec<_> = named.into_iter().filter(|name| !known.contains(*name)).collect();
    assert!(missing.is_empty(), "{THREAT_MODEL} names tests that are not there: {missing:#?}");
}

#[test]
fn a_proof_that_is_gone_is_noticed() {
    let text = "| what | `a_proof_that_is_gone`, `on_reject` |\n`callback_seal_invalid` `no_such_test_anywhere`\n";
    let named = names_of_tests(text);
    assert_eq!(named.iter().copied().collect::<Vec<_>>(), ["a_proof_that_is_gone", "no_such_test_anywhere"]);
    let known: BTreeSet<_> =
        functions("async fn a_proof_that_is_gone() {}\n#[test]\nfn other(x: u8) {", "fn ").collect();
    assert_eq!(named.difference(&known).copied().collect::<Vec<_>>(), ["no_such_test_anywhere"]);
}
