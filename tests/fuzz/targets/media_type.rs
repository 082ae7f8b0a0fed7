//! Media types: one that passes is a header value; every extension may stand in a key.
//!
//! The input: a type, a file name and a pattern in a line each.

use oss_valet::grant::media_type::{extension, from_file_name, is_allowed, is_media_type};

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let [content_type, file_name, pattern] = super::lines(text);
    let extension = extension(content_type, Some(file_name));
    assert!(
        !extension.is_empty() && extension.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b)),
        "{extension}"
    );
    if let Some(guessed) = from_file_name(file_name) {
        assert!(is_media_type(guessed), "{guessed}");
    }
    let _perhaps = is_allowed(content_type, &[pattern.to_owned()]);
    if is_media_type(content_type) {
        assert!(content_type.len() <= 255 && content_type.bytes().all(|b| (b' '..=b'~').contains(&b)));
        assert!(is_allowed(content_type, &["*/*".to_owned()]));
        let essence = content_type.split(';').next().unwrap_or_default().trim_end().to_owned();
        assert!(is_allowed(content_type, &[essence.to_uppercase()]) || essence.ends_with("/*"), "{essence}");
    }
}
