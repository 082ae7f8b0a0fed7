//! Percent-encoding: what is encoded reads back, what is read and encoded reads back as the same.

use oss_valet::oss::encoding::{PATH, decode_path, decode_query, encode_component, push_encoded, push_query};

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let encoded = encode_component(text);
    assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)), "{encoded}");
    assert_eq!(decode_path(&encoded).as_deref(), Some(text));
    let mut path = String::new();
    push_encoded(&mut path, text, PATH);
    assert_eq!(path.replace('/', "%2F"), encoded, "a path differs in its slashes alone");
    assert_eq!(decode_path(&path).as_deref(), Some(text));
    if let Some(key) = decode_path(text) {
        assert!(key.len() <= text.len());
    }
    if let Some(mut query) = decode_query(text) {
        // A lone `=` says nothing, and is not written.
        query.retain(|(name, value)| !name.is_empty() || !value.is_empty());
        let mut written = String::new();
        push_query(&mut written, &query);
        assert_eq!(decode_query(&written), Some(query), "{written}");
    }
}
