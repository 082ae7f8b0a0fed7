//! Post policies: what is read, written again, is the same policy; judging any form with it ends.

use chrono::DateTime;
use oss_valet::oss::post_policy::{Condition, PostFormFacts, PostPolicy};

pub(super) fn target(data: &[u8]) {
    let read = match PostPolicy::parse(data) {
        Ok(read) => read,
        Err(refusal) => return assert!(refusal.to_string().starts_with("Invalid Policy: "), "{refusal}"),
    };
    assert!(!read.conditions.is_empty());
    let again = PostPolicy::parse(read.to_json().as_bytes()).expect("what we write is a policy");
    assert_eq!(again.conditions, read.conditions);
    // Milliseconds are written, no more.
    assert!((read.expiration - again.expiration).num_milliseconds() == 0);
    assert_eq!(PostPolicy::parse(again.to_json().as_bytes()).as_ref(), Ok(&again));
    judge(&read);
}

/// A form with exactly the values that `eq` asks for, before and after the policy's end.
fn judge(policy: &PostPolicy) {
    let mut form = PostFormFacts::default();
    for condition in &policy.conditions {
        match condition {
            Condition::Simple(field, value) | Condition::Eq(field, value) => {
                form.fields.push((field.clone(), value.clone()));
            }
            _ => {}
        }
    }
    let _either = policy.evaluate(&form, DateTime::UNIX_EPOCH);
    assert!(policy.evaluate(&form, policy.expiration).is_err(), "a policy ends at its expiration");
    if let Some((min, max)) = policy.content_length_range().filter(|(min, max)| min <= max) {
        assert!(policy.check_size(min).is_ok() && policy.check_size(max).is_ok());
        assert!(max == u64::MAX || policy.check_size(max + 1).is_err());
        assert!(min == 0 || policy.check_size(min - 1).is_err());
    }
}
