//! `If-Match` and its kin, of GET and HEAD, and of the source of a copy.

use chrono::{DateTime, SubsecRound, Utc};

use crate::simulator::{errors::OssError, request::Incoming};

/// What the conditions say about an object.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Outcome {
    /// Go on.
    Holds,
    /// 304: the client has it already.
    NotModified,
}

/// Judges the four conditions; their names begin with `prefix` (`x-oss-copy-source-` for a copy).
///
/// OSS documents each by itself and lets all four be combined: one that asks for the object's absence of change comes first,
/// because its answer is an error.
pub(in crate::simulator) fn judge(
    incoming: &Incoming,
    prefix: &str,
    etag: &str,
    last_modified: DateTime<Utc>,
) -> Result<Outcome, OssError> {
    let given = |name: &str| incoming.header(&format!("{prefix}{name}"));
    let last_modified = last_modified.trunc_subsecs(0);
    let failed = |name: &str| Err(OssError::precondition_failed(&format!("{prefix}{name}")));
    if given("if-match").is_some_and(|listed| !names(listed, etag)) {
        return failed("if-match");
    }
    if given("if-unmodified-since").and_then(date).is_some_and(|since| last_modified > since) {
        return failed("if-unmodified-since");
    }
    if given("if-none-match").is_some_and(|listed| names(listed, etag))
        || given("if-modified-since").and_then(date).is_some_and(|since| last_modified <= since)
    {
        return Ok(Outcome::NotModified);
    }
    Ok(Outcome::Holds)
}

/// Whether a list of `ETag`s, quoted or not, holds this one; `*` holds any.
fn names(listed: &str, etag: &str) -> bool {
    listed.split(',').map(|listed| listed.trim().trim_matches('"')).any(|listed| listed == "*" || listed == etag)
}

/// A date of HTTP, or of ISO 8601 as CopyObject's documentation shows it. One that is neither counts as not given.
fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).or_else(|_| DateTime::parse_from_rfc3339(text)).ok().map(|date| date.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_lists_are_read() {
        let new_year: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a date");
        assert_eq!(date("Thu, 01 Jan 2026 00:00:00 GMT"), Some(new_year));
        assert_eq!(date("2026-01-01T00:00:00.000Z"), Some(new_year));
        assert_eq!(date("yesterday"), None);
        for (listed, expected) in [("\"A\"", true), ("A", true), ("\"B\", \"A\"", true), ("*", true), ("\"a\"", false)]
        {
            assert_eq!(names(listed, "A"), expected, "{listed}");
        }
    }
}
