//! Which error codes the simulator's source constructs.

use std::{collections::BTreeSet, path::Path};

/// Codes that have a table of their own: STS answers in JSON and in other words.
const ELSEWHERE: [&str; 1] = ["access/sts"];

/// Every code that the simulator's source constructs: the literal after `bad_request(` or `new(STATUS,`, and those that a
/// refused signature names.
pub(crate) fn constructed_codes() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut codes = BTreeSet::new();
    for path in sources(&root.join("simulator")) {
        let source = std::fs::read_to_string(&path).expect("a source");
        let code = without_confusing_quotes(&source);
        let pieces: Vec<&str> = code.split('"').collect();
        let literals = pieces.windows(2).step_by(2).filter(|pair| is_code_position(pair[0]));
        let is_code = |text: &&str| text.starts_with(char::is_uppercase) && text.chars().all(char::is_alphanumeric);
        codes.extend(literals.map(|pair| pair[1]).filter(is_code).map(str::to_owned));
    }
    let refusals = std::fs::read_to_string(root.join("oss/verify/refusal.rs")).expect("a source");
    let codes_of = refusals.split("pub fn code(").nth(1).and_then(|rest| rest.split("pub fn").next()).expect("codes");
    codes.extend(codes_of.split('"').skip(1).step_by(2).map(str::to_owned));
    codes
}

/// Codes that another test of the simulator expects together with a status: `"400 InvalidTag"`.
pub(crate) fn codes_expected_elsewhere() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulator");
    let mut codes = BTreeSet::new();
    for path in sources(&folder).into_iter().filter(|path| !path.ends_with("every_error.rs")) {
        let source = std::fs::read_to_string(&path).expect("a source");
        let expected = source.split('"').filter_map(|literal| literal.split_once(' '));
        let expected = expected.filter(|(status, _)| status.len() == 3 && status.parse::<u16>().is_ok());
        codes.extend(expected.map(|(_, code)| code.to_owned()));
    }
    codes
}

/// Without unit tests, comments and quotes that neither begin nor end a literal.
fn without_confusing_quotes(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod").next().unwrap_or_default();
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n").replace("\\\"", "").replace("'\"'", "")
}

fn is_code_position(before: &str) -> bool {
    let before = before.trim_end();
    let status = before.strip_suffix(',').and_then(|before| before.rsplit_once("new("));
    let is_path = |text: &str| text.trim().chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    before.ends_with("bad_request(") || status.is_some_and(|(_, status)| is_path(status))
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if !ELSEWHERE.iter().any(|part| path.to_string_lossy().contains(part)) {
            found.push(path);
        }
    }
    found
}
