//! Links from one document to another.

use std::path::{Component, Path, PathBuf};

use crate::{files_below, headings::anchors, prose, read, root};

/// The targets of all links in a document's prose, code in backticks left out.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(text) {
        let text: String = line.split('`').step_by(2).collect();
        targets.extend(
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()),
        );
    }
    targets
}

/// Why a link of the document at `from` leads nowhere.
fn broken(from: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let to = if path.is_empty() { from.to_owned() } else { joined(from.parent()?, path) };
    if !root().join(&to).exists() {
        return Some(format!("{}: {target}: there is no {}", from.display(), to.display()));
    }
    let found = anchor.is_empty() || anchors(&read(&to)).contains(anchor);
    (!found).then(|| format!("{}: {target}: no heading there has this anchor", from.display()))
}

fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(joined.pop()),
            Component::Normal(name) => joined.push(name),
            _ => {}
        }
    }
    joined
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let documents = files_below("", ".md");
    assert!(documents.len() > 20, "{documents:?}");
    let links: Vec<_> =
        documents.iter().flat_map(|from| targets(&read(from)).into_iter().map(move |target| (from, target))).collect();
    assert!(links.len() > 100, "{}", links.len());
    let broken: Vec<_> = links.iter().filter_map(|(from, target)| broken(from, target)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    let from = Path::new("docs/operations.md");
    assert_eq!(targets("[a](b.md#c) `[x](y)` [d](#e)\n```\n[f](g)\n```"), ["b.md#c", "#e"]);
    for fine in ["store.md", "../README.md", "#rotation", "deploy.md#what-stands-in-front", "https://example.com/x"] {
        assert_eq!(broken(from, fine), None);
    }
    for dead in ["gone.md", "../gone", "#gone", "store.md#gone"] {
        assert!(broken(from, dead).is_some(), "{dead}");
    }
}
