//! A form's signature fields: whatever arrives is judged, and what verifies does not verify with another policy.
//!
//! The input: one field a line, `name=value`.

use oss_valet::oss::verify::{VerifyingContext, verify_post_form};

use super::authorization::{find_key, now};

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let fields: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let mut fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    if !is_signed(&fields) {
        return;
    }
    let policy = fields.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("policy")).expect("a policy is signed");
    policy.1.push('A');
    assert!(!is_signed(&fields), "another policy verifies, too");
}

fn is_signed(fields: &[(String, String)]) -> bool {
    let context = VerifyingContext { now: now(), region: Some("cn-hangzhou") };
    match verify_post_form(fields, find_key, &context) {
        Ok(verified) => verified.is_some_and(|form| !form.policy().conditions.is_empty()),
        Err(refusal) => {
            assert!(matches!(refusal.status(), 400 | 403) && !refusal.code().is_empty());
            false
        }
    }
}
