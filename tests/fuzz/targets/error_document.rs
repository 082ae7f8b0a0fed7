//! The error document: what is read, written again, is read as the same.

use oss_valet::oss::xml::{ErrorDocument, MAX_DOCUMENT};

pub(super) fn target(data: &[u8]) {
    let Some(read) = super::text(data).and_then(ErrorDocument::parse) else { return };
    assert!(!read.code.is_empty());
    let written = read.to_xml();
    if written.len() > MAX_DOCUMENT {
        return;
    }
    let pairs = |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| (name.clone(), held(value))).collect();
    let expected = ErrorDocument {
        code: held(&read.code),
        message: held(&read.message),
        request_id: held(&read.request_id),
        host_id: held(&read.host_id),
        ec: read.ec.as_deref().map(held),
        details: pairs(&read.details),
        access_denied: pairs(&read.access_denied),
    };
    assert_eq!(ErrorDocument::parse(&written), Some(expected), "{written}");
}

/// `text` with U+FFFD for what XML can't hold.
pub(super) fn held(text: &str) -> String {
    let is_held = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') || u32::from(c) >= 0x1_0000
    };
    text.chars().map(|c| if is_held(c) { c } else { '\u{fffd}' }).collect()
}
