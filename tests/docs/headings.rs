//! The anchors that headings have where documents are shown.

use std::collections::BTreeSet;

use crate::prose;

/// Every anchor of a document.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors: BTreeSet<String> = BTreeSet::new();
    for heading in
        prose(text).filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')))
    {
        let anchor = anchor(heading);
        // The second of its kind gets a number.
        let again = anchors.iter().filter(|known| is_of(known, &anchor)).count();
        anchors.insert(if again == 0 { anchor } else { format!("{anchor}-{again}") });
    }
    anchors
}

/// Whether this is the anchor, or the anchor with a number.
fn is_of(known: &str, anchor: &str) -> bool {
    known
        .strip_prefix(anchor)
        .is_some_and(|rest| rest.is_empty() || rest[1..].bytes().all(|byte| byte.is_ascii_digit()))
}

/// Small letters, digits, `-` and `_`; blanks become `-`; of a link its text.
fn anchor(heading: &str) -> String {
    let mut text = heading.trim().to_lowercase();
    while let (Some(open), Some(middle)) = (text.find('['), text.find("](")) {
        let Some(end) = text[middle..].find(')') else { break };
        text = format!("{}{}{}", &text[..open], &text[open + 1..middle], &text[middle + end + 1..]);
    }
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == ' ';
    text.chars().filter(|c| kept(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn anchors_are_made_as_readers_find_them() {
    let text = "# In front: nginx, SLB\n## `x` and [y](z.md)\n## OSS's key_1\n```\n# no heading\n```\n## Again\n## Again\n#none\n";
    let expected = ["again", "again-1", "in-front-nginx-slb", "osss-key_1", "x-and-y"];
    assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), expected);
}
