//! Files that documents quote whole.

use std::path::Path;

use crate::{files_below, read};

/// The fenced blocks of this language, as they stand.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut open): (Vec<String>, _) = (Vec::new(), None::<String>);
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(name)) => open = Some(if name == language { String::new() } else { "\0".to_owned() }),
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|block| !block.starts_with('\0'))),
            (Some(block), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// What tests/nginx tries is what is shipped and what is shown.
#[test]
fn the_nginx_configurations_on_the_page_are_the_shipped_ones() {
    let shown = blocks(&read(Path::new("docs/operations.md")), "nginx");
    let shipped = files_below("deploy/nginx", ".conf");
    assert_eq!(shipped.len(), 2, "{shipped:?}");
    for path in &shipped {
        assert!(shown.contains(&read(path)), "docs/operations.md does not quote {} word for word", path.display());
    }
    assert_eq!(shown.len(), shipped.len(), "a configuration on the page that no test tries");
}

#[test]
fn a_block_is_what_stands_between_its_fences() {
    let text = "a\n```nginx\none\ntwo\n```\n```toml\nthree\n```\n```nginx\nfour\n```\n";
    assert_eq!(blocks(text, "nginx"), ["one\ntwo\n", "four\n"]);
}
