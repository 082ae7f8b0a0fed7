//! Reading a policy document as OSS reads it, with OSS's messages (P§3.4, P§3.5).

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Condition, InvalidPolicyDocument, PostPolicy};

/// The only mistake that OSS words so: an object with no or several members among the conditions (P§3.5).
const NOT_ONE_PROPERTY: &str = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";

pub(super) fn document(json: &[u8]) -> Result<PostPolicy, InvalidPolicyDocument> {
    let json = escape_dollars(json);
    let value: Value = serde_json::from_slice(&json).map_err(|error| invalid_json(&json, &error))?;
    let Value::Object(members) = value else { return Err(invalid("Policy must be a JSON object.")) };
    let expiration = members.get("expiration").and_then(Value::as_str).and_then(expiration);
    let expiration = expiration.ok_or_else(|| invalid("Invalid 'expiration': an ISO 8601 GMT date is expected."))?;
    let Some(Value::Array(items)) = members.get("conditions") else {
        return Err(invalid("Invalid 'conditions': a list is expected."));
    };
    if items.is_empty() {
        return Err(invalid("Invalid 'conditions': at least one condition is expected."));
    }
    let conditions = items.iter().map(condition).collect::<Result<_, _>>()?;
    Ok(PostPolicy { expiration, conditions })
}

/// GMT only: `2023-12-03T13:00:00.000Z`, with or without the fraction.
fn expiration(text: &str) -> Option<DateTime<Utc>> {
    let gmt = text.ends_with('Z').then_some(text)?;
    DateTime::parse_from_rfc3339(gmt).ok().map(|time| time.to_utc())
}

fn condition(item: &Value) -> Result<Condition, InvalidPolicyDocument> {
    match item {
        Value::Object(members) => simple(members),
        Value::Array(parts) => list(parts),
        _ => Err(invalid("Invalid Condition: an object or a list is expected.")),
    }
}

fn simple(members: &Map<String, Value>) -> Result<Condition, InvalidPolicyDocument> {
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((field, Value::String(value))), None) => Ok(Condition::Simple(field.clone(), literal(value))),
        (Some(_), None) => Err(invalid("Invalid Simple-Condition: value must be a string.")),
        _ => Err(invalid(NOT_ONE_PROPERTY)),
    }
}

fn list(parts: &[Value]) -> Result<Condition, InvalidPolicyDocument> {
    let [Value::String(operator), first, second] = parts else {
        return Err(invalid("Invalid Condition: an operator and two operands are expected."));
    };
    match operator.as_str() {
        "content-length-range" => range(first, second),
        "eq" => Ok(Condition::Eq(field(first)?, one(second)?)),
        "starts-with" => Ok(Condition::StartsWith(prefix_field(first)?, one(second)?)),
        "in" => Ok(Condition::In(field(first)?, many(second)?)),
        "not-in" => Ok(Condition::NotIn(field(first)?, many(second)?)),
        other => Err(invalid(&format!("Invalid Condition: unknown operation '{other}'."))),
    }
}

fn range(min: &Value, max: &Value) -> Result<Condition, InvalidPolicyDocument> {
    match (min.as_u64(), max.as_u64()) {
        (Some(min), Some(max)) if min <= max => Ok(Condition::ContentLengthRange(min, max)),
        _ => Err(invalid("Invalid Content-Length-Range: two ascending, non-negative integers are expected.")),
    }
}

fn field(operand: &Value) -> Result<String, InvalidPolicyDocument> {
    let name = operand.as_str().and_then(|text| text.strip_prefix('$')).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| invalid("Invalid Condition: a field name must begin with '$'."))
}

/// A bucket can only be pinned exactly (P§3.4).
fn prefix_field(operand: &Value) -> Result<String, InvalidPolicyDocument> {
    let name = field(operand)?;
    if name.eq_ignore_ascii_case("bucket") {
        return Err(invalid("Invalid Condition: 'bucket' supports exact matching only."));
    }
    Ok(name)
}

fn one(operand: &Value) -> Result<String, InvalidPolicyDocument> {
    operand.as_str().map(literal).ok_or_else(|| invalid("Invalid Condition: value must be a string."))
}

fn many(operand: &Value) -> Result<Vec<String>, InvalidPolicyDocument> {
    let values = operand.as_array().ok_or_else(|| invalid("Invalid Condition: a list of strings is expected."))?;
    values.iter().map(one).collect()
}

/// Undoes the escape of the policy language: `\$` stands for `$`.
fn literal(text: &str) -> String {
    text.replace("\\$", "$")
}

/// `\$` is an escape of the policy language, but not of JSON (P§3.4): inside strings it becomes `\\$`, which [`literal`] undoes.
fn escape_dollars(json: &[u8]) -> Cow<'_, [u8]> {
    if !json.windows(2).any(|pair| pair == b"\\$") {
        return Cow::Borrowed(json);
    }
    let mut out = Vec::with_capacity(json.len() + 8);
    let mut bytes = json.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(byte);
        if byte == b'\\'
            && let Some(escaped) = bytes.next()
        {
            if escaped == b'$' {
                out.push(b'\\');
            }
            out.push(escaped);
        }
    }
    Cow::Owned(out)
}

/// OSS names what it stumbled over: `unknown char e`, `, or ] expected` (P§3.5).
fn invalid_json(json: &[u8], error: &serde_json::Error) -> InvalidPolicyDocument {
    let said = error.to_string();
    let what = if said.starts_with("expected `,` or `]`") {
        ", or ] expected".to_owned()
    } else if said.starts_with("expected `,` or `}`") {
        ", or } expected".to_owned()
    } else if said.starts_with("expected `:`") {
        ": expected".to_owned()
    } else if error.is_eof() {
        "unexpected end".to_owned()
    } else {
        char_at(json, error).map_or_else(|| "not well-formed".to_owned(), |found| format!("unknown char {found}"))
    };
    invalid(&format!("Invalid JSON: {what}"))
}

/// The character at which the parser gave up.
fn char_at(json: &[u8], error: &serde_json::Error) -> Option<char> {
    let line = json.split(|byte| *byte == b'\n').nth(error.line().checked_sub(1)?)?;
    let from = error.column().saturating_sub(1);
    String::from_utf8_lossy(line.get(from..)?).chars().next()
}

fn invalid(what: &str) -> InvalidPolicyDocument {
    InvalidPolicyDocument(format!("Invalid Policy: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_condition(condition: &str) -> String {
        format!("{{\"expiration\":\"2030-01-01T12:00:00.000Z\",\"conditions\":[{condition}]}}")
    }

    fn parse_condition(condition: &str) -> Condition {
        let policy =
            document(with_condition(condition).as_bytes()).unwrap_or_else(|error| panic!("{condition}: {error}"));
        policy.conditions.into_iter().next().unwrap()
    }

    #[test]
    fn the_expiration_may_come_with_or_without_a_fraction() {
        let expected = DateTime::from_timestamp(1_893_499_200, 0).unwrap();
        for text in ["2030-01-01T12:00:00.000Z", "2030-01-01T12:00:00Z"] {
            assert_eq!(expiration(text), Some(expected), "{text}");
        }
        for text in ["2030-01-01T12:00:00+08:00", "2030-01-01 12:00:00", "1893499200", "", "2030-13-01T12:00:00Z"] {
            assert_eq!(expiration(text), None, "{text}");
        }
    }

    #[test]
    fn every_escape_of_the_policy_language_is_understood() {
        let cases = [
            (r"user\/eric\/\\${filename}", "user/eric/${filename}", "as the Java SDK writes it"),
            (r"user/eric/\${filename}", "user/eric/${filename}", "as the documentation writes it"),
            ("${filename}", "${filename}", "bare"),
            (r"a\\b", "a\\b", "backslash"),
            (r#"\"\/\b\f\n\r\t\u4e2d\ud83d\ude00"#, "\"/\u{8}\u{c}\n\r\t中😀", "JSON's own"),
        ];
        for (written, expected, why) in cases {
            let condition = parse_condition(&format!("[\"eq\",\"$key\",\"{written}\"]"));
            assert_eq!(condition, Condition::Eq("key".into(), expected.into()), "{why}");
        }
    }

    #[test]
    fn mistakes_are_named_in_the_words_of_oss() {
        let cases = [
            (with_condition(r#"{"a":"1","b":"2"}"#), NOT_ONE_PROPERTY),
            (with_condition("{}"), NOT_ONE_PROPERTY),
            ("e".to_owned(), "Invalid JSON: unknown char e"),
            ("{\"conditions\":e}".to_owned(), "Invalid JSON: unknown char e"),
            (with_condition(r#"["eq","$key" "a"]"#), "Invalid JSON: , or ] expected"),
            ("{\"a\":1 \"b\":2}".to_owned(), "Invalid JSON: , or } expected"),
        ];
        for (json, expected) in cases {
            let InvalidPolicyDocument(message) = document(json.as_bytes()).unwrap_err();
            assert_eq!(message, format!("Invalid Policy: {expected}"), "{json}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let documents = [
            "",
            "[]",
            "{}",
            "\u{feff}{}",
            r#"{"expiration":"soon","conditions":[{"a":"b"}]}"#,
            r#"{"expiration":"2030-01-01T12:00:00Z"}"#,
            r#"{"expiration":"2030-01-01T12:00:00Z","conditions":[]}"#,
        ];
        let conditions = [
            r#"["eq","key","a"]"#,
            r#"["eq","$","a"]"#,
            r#"["eq","$key"]"#,
            r#"["eq","$key",1]"#,
            r#"["like","$key","a"]"#,
            r#"["in","$key","a"]"#,
            r#"["in","$key",[1]]"#,
            r#"["starts-with","$bucket","b"]"#,
            r#"{"key":1}"#,
            "1",
            r#"["content-length-range",-1,2]"#,
            r#"["content-length-range",2,1]"#,
            r#"["content-length-range",1.5,2]"#,
            r#"["content-length-range","1","2"]"#,
        ];
        for json in documents.into_iter().map(str::to_owned).chain(conditions.into_iter().map(with_condition)) {
            let InvalidPolicyDocument(message) = document(json.as_bytes()).expect_err(&json);
            assert!(message.starts_with("Invalid Policy: "), "{json}: {message}");
        }
    }
}
