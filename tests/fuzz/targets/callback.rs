//! The callback blob, as Base64 or as the JSON inside: what is read, written again, is read as the same.

use base64::{Engine, engine::general_purpose::STANDARD};
use oss_valet::oss::callback::{Callback, MAX_BLOB_BYTES, MAX_URLS};

pub(super) fn target(data: &[u8]) {
    if let Some(text) = super::text(data) {
        check(text);
    }
    check(&STANDARD.encode(data));
}

fn check(blob: &str) {
    let _preset = Callback::preset_name(blob);
    let _over_itself = Callback::decode_over(blob, blob);
    let callback = match Callback::decode(blob) {
        Ok(callback) => callback,
        Err(refusal) => return assert_eq!(refusal.argument, "callback"),
    };
    assert!(blob.len() <= MAX_BLOB_BYTES && callback.urls.len() <= MAX_URLS);
    // Without a URL it is no callback, and nothing else of it is looked at.
    if callback.urls.is_empty() {
        return;
    }
    assert!(!callback.body.is_empty());
    assert!(callback.urls.iter().all(|url| url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')));
    let written = callback.encode();
    if written.len() <= MAX_BLOB_BYTES {
        assert_eq!(Callback::decode(&written), Ok(callback));
    }
}
