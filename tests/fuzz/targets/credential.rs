//! V4 credentials and dates: what is read, written again, is the same.

use oss_valet::oss::sign_v4::{Scope, format_date, parse_date};

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    if let Some((id, scope)) = Scope::parse_credential(text) {
        assert!(!id.is_empty() && scope.date.len() == 8);
        assert_eq!(scope.credential(&id), text);
    }
    if let Some(time) = parse_date(text) {
        // A leap second has no text of its own.
        assert!(format_date(time) == text || text.ends_with("60Z"), "{text}");
    }
}
