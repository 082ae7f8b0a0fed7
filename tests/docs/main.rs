//! What the documents claim about this repository: links lead somewhere, quoted files are the files, and every test that is named
//! as a proof exists.
#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic, in its helpers too")]

mod headings;
mod links;
mod proofs;
mod quotes;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold nothing of ours.
const NOT_OURS: [&str; 4] = ["target", "node_modules", ".git", "__pycache__"];

/// The repository's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the repository whose name ends so, with its path from the root.
fn files_below(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if entry.file_type().unwrap().is_dir() {
                if !NOT_OURS.contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                files.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A document's lines outside of its fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}
