//! Holding a form against a policy (P§3.4).

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::{Condition, PolicyViolation, PostFormFacts, PostPolicy};

pub(super) fn policy(policy: &PostPolicy, form: &PostFormFacts, now: DateTime<Utc>) -> Result<(), PolicyViolation> {
    if now >= policy.expiration {
        return Err(PolicyViolation::Expired);
    }
    match policy.conditions.iter().find(|condition| !holds(condition, form)) {
        Some(failed) => Err(PolicyViolation::ConditionFailed(printed(failed))),
        None => Ok(()),
    }
}

/// A field that is missing satisfies nothing but `not-in`.
fn holds(condition: &Condition, form: &PostFormFacts) -> bool {
    match condition {
        Condition::Simple(field, expected) | Condition::Eq(field, expected) => {
            value_of(field, form).is_some_and(|value| value == expected)
        }
        Condition::StartsWith(field, prefix) => {
            value_of(field, form).is_some_and(|value| value.starts_with(prefix.as_str()))
        }
        Condition::In(field, allowed) => {
            value_of(field, form).is_some_and(|value| allowed.iter().any(|one| one == value))
        }
        Condition::NotIn(field, forbidden) => {
            value_of(field, form).is_none_or(|value| forbidden.iter().all(|one| one != value))
        }
        Condition::ContentLengthRange(..) => true,
    }
}

/// `bucket` is the request's. The content type is the one that the object gets: `x-oss-content-type`, else the file part's, else `Content-Type` (P§3.2).
fn value_of<'a>(field: &str, form: &'a PostFormFacts) -> Option<&'a str> {
    if field.eq_ignore_ascii_case("bucket") {
        return Some(&form.bucket);
    }
    if field.eq_ignore_ascii_case("content-type") {
        let pinned = form_field("x-oss-content-type", form);
        return pinned.or(form.file_content_type.as_deref()).or_else(|| form_field(field, form));
    }
    form_field(field, form)
}

fn form_field<'a>(field: &str, form: &'a PostFormFacts) -> Option<&'a str> {
    form.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value.as_str())
}

/// `["starts-with", "$key", "user/eric/"]`: with a blank after each comma; a simple condition as `eq` (P§3.5).
fn printed(condition: &Condition) -> String {
    match condition {
        Condition::Simple(field, value) | Condition::Eq(field, value) => printed_match("eq", field, &quoted(value)),
        Condition::StartsWith(field, prefix) => printed_match("starts-with", field, &quoted(prefix)),
        Condition::In(field, values) => printed_match("in", field, &printed_list(values)),
        Condition::NotIn(field, values) => printed_match("not-in", field, &printed_list(values)),
        Condition::ContentLengthRange(min, max) => format!("[\"content-length-range\", {min}, {max}]"),
    }
}

fn printed_match(operator: &str, field: &str, value: &str) -> String {
    format!("[\"{operator}\", {}, {value}]", quoted(&format!("${field}")))
}

fn printed_list(values: &[String]) -> String {
    let quoted: Vec<_> = values.iter().map(|value| quoted(value)).collect();
    format!("[{}]", quoted.join(", "))
}

fn quoted(text: &str) -> Cow<'static, str> {
    serde_json::to_string(text).expect("a string is always JSON").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn form(fields: &[(&str, &str)], file_content_type: Option<&str>) -> PostFormFacts {
        PostFormFacts {
            bucket: "b1".into(),
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            file_content_type: file_content_type.map(str::to_owned),
        }
    }

    fn check(condition: Condition, form: &PostFormFacts) -> Result<(), PolicyViolation> {
        PostPolicy { expiration: at(60), conditions: vec![condition] }.evaluate(form, at(0))
    }

    fn eq(field: &str, value: &str) -> Condition {
        Condition::Eq(field.into(), value.into())
    }

    #[test]
    fn conditions_hold_or_fail_by_their_kind() {
        let form = form(&[("key", "user/eric/a.txt"), ("X-OSS-Meta-Tag", "t"), ("empty", "")], None);
        let simple = |field: &str, value: &str| Condition::Simple(field.into(), value.into());
        let starts = |field: &str, value: &str| Condition::StartsWith(field.into(), value.into());
        let within = |field: &str, value: &str| Condition::In(field.into(), vec!["z".into(), value.into()]);
        let not_in = |field: &str, value: &str| Condition::NotIn(field.into(), vec!["z".into(), value.into()]);
        let cases = [
            ("bucket is the request's", simple("bucket", "b1"), true),
            ("another bucket", simple("bucket", "b2"), false),
            ("exact", eq("key", "user/eric/a.txt"), true),
            ("exact, another value", eq("key", "user/eric/"), false),
            ("names compare in any case", eq("x-oss-meta-TAG", "t"), true),
            ("values do not", eq("x-oss-meta-tag", "T"), false),
            ("an empty field is there", eq("empty", ""), true),
            ("a missing field fails eq", eq("callback", ""), false),
            ("prefix", starts("key", "user/eric/"), true),
            ("another prefix", starts("key", "user/erik/"), false),
            ("the empty prefix allows any value", starts("key", ""), true),
            ("a missing field fails a prefix, even an empty one", starts("x-oss-meta-none", ""), false),
            ("one of", within("x-oss-meta-tag", "t"), true),
            ("none of", within("x-oss-meta-tag", "u"), false),
            ("a missing field is in no list", within("x-oss-meta-none", "t"), false),
            ("not in", not_in("x-oss-meta-tag", "u"), true),
            ("not in, but it is", not_in("x-oss-meta-tag", "t"), false),
            ("a missing field is not in the list", not_in("x-oss-object-acl", "public-read"), true),
        ];
        for (why, condition, expected) in cases {
            assert_eq!(check(condition, &form).is_ok(), expected, "{why}");
        }
    }

    #[test]
    fn the_content_type_is_the_one_the_object_gets() {
        let fields = [("x-oss-content-type", "a/1"), ("Content-Type", "a/3")];
        let cases = [
            (form(&fields, Some("a/2")), "a/1"),
            (form(&fields[1..], Some("a/2")), "a/2"),
            (form(&fields[1..], None), "a/3"),
        ];
        for (form, expected) in cases {
            assert_eq!(check(eq("content-type", expected), &form), Ok(()), "{expected}");
        }
        assert!(check(eq("Content-Type", "a/1"), &form(&[], None)).is_err(), "no content type at all");
    }

    #[test]
    fn the_failing_condition_is_printed_as_oss_prints_it() {
        let cases = [
            (Condition::StartsWith("key".into(), "user/eric/".into()), r#"["starts-with", "$key", "user/eric/"]"#),
            (Condition::Simple("callback".into(), "a\"b".into()), r#"["eq", "$callback", "a\"b"]"#),
            (
                Condition::In("content-type".into(), vec!["a".into(), "b".into()]),
                r#"["in", "$content-type", ["a", "b"]]"#,
            ),
        ];
        for (condition, printed) in cases {
            let violation = check(condition, &form(&[], None)).unwrap_err();
            assert_eq!(
                violation.to_string(),
                format!("Invalid according to Policy: Policy Condition failed: {printed}"),
            );
        }
    }

    #[test]
    fn a_policy_ends_at_its_expiration() {
        let policy = PostPolicy { expiration: at(60), conditions: vec![eq("bucket", "b1")] };
        assert_eq!(policy.evaluate(&form(&[], None), at(59)), Ok(()));
        assert_eq!(policy.evaluate(&form(&[], None), at(60)), Err(PolicyViolation::Expired));
    }

    #[test]
    fn fields_that_nobody_mentions_and_lengths_are_not_judged_here() {
        let form = form(&[("name", "x"), ("success_action_status", "200")], None);
        assert_eq!(check(Condition::ContentLengthRange(10, 20), &form), Ok(()));
    }
}
