//! `"Condition": {"OPERATOR": {"KEY": values}}`: all conditions must hold, one of a condition's values is enough.

use std::{cmp::Ordering, net::IpAddr};

use chrono::{DateTime, Utc};
use ipnet::IpNet;

use super::{
    Question,
    pattern::{exactly, matches},
};

/// One key, compared in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::simulator::access) struct Condition {
    test: Test,
    /// `Not…`: none of the values may fit. It holds too where the request has no such key (an assumption, as AWS has it).
    negated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Text { key: TextKey, like: bool, any_case: bool, values: Vec<String> },
    SourceIp(Vec<IpNet>),
    SecureTransport(Vec<bool>),
    CurrentTime { order: Vec<Ordering>, values: Vec<DateTime<Utc>> },
}

/// The keys that hold text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextKey {
    Prefix,
    Delimiter,
}

impl Condition {
    /// Reads one; the names of keys in any case (an assumption: RAM's documentation does not say).
    pub(super) fn parse(operator: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let (positive, negated) = positive(operator);
        let key = key.to_ascii_lowercase();
        let test = match (positive, key.as_str()) {
            ("StringEquals" | "StringEqualsIgnoreCase" | "StringLike", "oss:prefix" | "oss:delimiter") => Test::Text {
                key: if key == "oss:prefix" { TextKey::Prefix } else { TextKey::Delimiter },
                like: positive == "StringLike",
                any_case: positive == "StringEqualsIgnoreCase",
                values,
            },
            ("IpAddress", "acs:sourceip") => Test::SourceIp(read(&values, network)?),
            ("Bool", "acs:securetransport") => Test::SecureTransport(read(&values, |text| text.parse().ok())?),
            (date, "acs:currenttime") => Test::CurrentTime { order: order(date)?, values: read(&values, instant)? },
            _ => return Err(format!("{operator} of {key} is not supported")),
        };
        Ok(Self { test, negated })
    }

    pub(super) fn holds(&self, question: &Question<'_>) -> bool {
        self.test.fits(question).map_or(self.negated, |fits| fits != self.negated)
    }
}

/// `StringNotLike` is the negation of `StringLike`.
fn positive(operator: &str) -> (&str, bool) {
    match operator {
        "StringNotEquals" => ("StringEquals", true),
        "StringNotEqualsIgnoreCase" => ("StringEqualsIgnoreCase", true),
        "StringNotLike" => ("StringLike", true),
        "NotIpAddress" => ("IpAddress", true),
        "DateNotEquals" => ("DateEquals", true),
        other => (other, false),
    }
}

fn order(operator: &str) -> Result<Vec<Ordering>, String> {
    Ok(match operator {
        "DateEquals" => vec![Ordering::Equal],
        "DateLessThan" => vec![Ordering::Less],
        "DateLessThanEquals" => vec![Ordering::Less, Ordering::Equal],
        "DateGreaterThan" => vec![Ordering::Greater],
        "DateGreaterThanEquals" => vec![Ordering::Greater, Ordering::Equal],
        _ => return Err(format!("{operator} of acs:CurrentTime is not supported")),
    })
}

fn read<T>(values: &[String], one: fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    values.iter().map(|value| one(value).ok_or_else(|| format!("{value:?} is not of the condition's kind"))).collect()
}

/// An address or a network.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

impl Test {
    /// `None` when the request has no such key.
    fn fits(&self, question: &Question<'_>) -> Option<bool> {
        let circumstances = question.circumstances;
        match self {
            Self::Text { key, like, any_case, values } => {
                let listing = question.listing?;
                let given = match key {
                    TextKey::Prefix => &listing.prefix,
                    TextKey::Delimiter => &listing.delimiter,
                };
                Some(values.iter().any(|value| text_fits(value, given, *like, *any_case)))
            }
            Self::SourceIp(networks) => {
                let address = circumstances.source_ip?;
                Some(networks.iter().any(|network| network.contains(&address)))
            }
            Self::SecureTransport(values) => Some(values.contains(&circumstances.secure_transport)),
            Self::CurrentTime { order, values } => {
                Some(values.iter().any(|value| order.contains(&circumstances.now.cmp(value))))
            }
        }
    }
}

fn text_fits(value: &str, given: &str, like: bool, any_case: bool) -> bool {
    match (like, any_case) {
        (true, _) => matches(value, given, exactly),
        (false, true) => value.eq_ignore_ascii_case(given),
        (false, false) => value == given,
    }
}
