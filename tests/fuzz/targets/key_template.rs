//! Key templates: a key that is made is safe, and no two users share one.
//!
//! The input: template, two user ids and a variable's value in a line each.

use chrono::DateTime;
use oss_valet::grant::key_template::{KeyFacts, KeyTemplate, MAX_KEY_LEN, escape};

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let [template, ours, theirs, value] = super::lines(text);
    assert!(escape(value).bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-~".contains(&b)));
    assert_eq!(escape(ours) == escape(theirs), ours == theirs);
    let _directory = KeyTemplate::parse_directory(template);
    let Ok(template) = KeyTemplate::parse(template) else { return };
    let vars: Vec<_> = template.variables().iter().map(|name| ((*name).to_owned(), value.to_owned())).collect();
    let key = |user_id: &str| {
        let now = DateTime::UNIX_EPOCH;
        template.render(&KeyFacts { user_id, id: "0193-ab", ext: "png", profile: "p", now, vars: &vars })
    };
    let (Ok(our_key), Ok(their_key)) = (key(ours), key(theirs)) else { return };
    for key in [&our_key, &their_key] {
        assert!(!key.is_empty() && key.len() <= MAX_KEY_LEN && !key.starts_with('/'), "{key}");
        assert!(key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-~/".contains(&b)), "{key}");
        assert!(key.split('/').all(|segment| !["", ".", ".."].contains(&segment)), "{key}");
    }
    if template.has_user_id() {
        assert_eq!(our_key == their_key, ours == theirs, "{our_key}");
    } else {
        assert_eq!(our_key, their_key);
    }
}
