//! Policy × question → verdict, where no HTTP is needed.

use chrono::DateTime;

use super::*;
use crate::simulator::access::permissions::{Action, Permissions};

/// What a request may be beside action and resource.
#[derive(Clone, Default)]
struct Asked<'a> {
    ip: Option<&'a str>,
    secure: bool,
    now: Option<&'a str>,
    listing: Option<(&'a str, &'a str)>,
}

fn verdict(policy: &Permissions, action: &str, id: &str, asked: &Asked<'_>) -> Verdict {
    let now = asked.now.unwrap_or("2026-01-01T00:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let source_ip = asked.ip.map(|ip| ip.parse().unwrap());
    let circumstances = Circumstances { now, source_ip, secure_transport: asked.secure };
    let listing =
        asked.listing.map(|(prefix, delimiter)| Listing { prefix: prefix.into(), delimiter: delimiter.into() });
    let resource = ResourceName { service: "oss", region: "cn-hangzhou", account: "1234567890123456", id };
    policy.judge(&Question { action, resource, circumstances: &circumstances, listing: listing.as_ref() })
}

fn allowed(statements: &str, action: &str, id: &str, asked: &Asked<'_>) -> bool {
    let policy = Permissions::policy(&format!(r#"{{"Version":"1","Statement":[{statements}]}}"#)).unwrap();
    verdict(&policy, action, id, asked) == Verdict::Allowed
}

#[test]
fn actions_match_with_wildcards_and_in_any_case() {
    let cases = [
        (r#""*""#, "oss:PutObject", true),
        (r#""oss:*""#, "oss:PutObject", true),
        (r#""oss:*""#, "sts:AssumeRole", false),
        (r#""oss:Put*""#, "oss:PutObjectAcl", true),
        (r#""oss:Put*""#, "oss:GetObject", false),
        (r#""oss:PutObject""#, "oss:PutObjectAcl", false),
        (r#""oss:?etObject""#, "oss:GetObject", true),
        (r#""OSS:putobject""#, "oss:PutObject", true),
        (r#""oss:GetBucketCORS""#, "oss:GetBucketCors", true),
        (r#"["oss:GetObject","oss:ListParts"]"#, "oss:ListParts", true),
        (r#"["oss:GetObject","oss:ListParts"]"#, "oss:PutObject", false),
    ];
    for (actions, action, expected) in cases {
        let statement = format!(r#"{{"Effect":"Allow","Action":{actions},"Resource":"*"}}"#);
        assert_eq!(allowed(&statement, action, "b/k", &Asked::default()), expected, "{actions} {action}");
        let inverted = statement.replace("Action", "NotAction");
        assert_eq!(allowed(&inverted, action, "b/k", &Asked::default()), !expected, "not {actions} {action}");
    }
}

#[test]
fn resources_match_part_by_part() {
    let cases = [
        ("*", "b/k", true),
        ("acs:oss:*:*:*", "b/k", true),
        ("acs:oss:*:*:b/*", "b/k", true),
        ("acs:oss:*:*:b/*", "b", false),
        ("acs:oss:*:*:b/*", "bb/k", false),
        ("acs:oss:*:*:b*", "bb/k", true),
        ("acs:oss:*:*:b", "b", true),
        ("acs:oss:*:*:b", "b/k", false),
        ("acs:oss:*:*:b/dir/k", "b/dir/k", true),
        ("acs:oss:*:*:b/dir/k", "b/dir/k2", false),
        ("acs:oss:*:*:b/dir/k", "b/dir/K", false),
        ("acs:oss:*:*:b/u?/*", "b/u1/k", true),
        ("acs:oss:*:*:b/u?/*", "b/u12/k", false),
        ("acs:oss:*:*:b/*.jpg", "b/dir/a.jpg", true),
        ("acs:oss:*:*:b/*.jpg", "b/dir/a.png", false),
        ("acs:oss:cn-hangzhou:*:b/*", "b/k", true),
        ("acs:oss:oss-cn-hangzhou:*:b/*", "b/k", true),
        ("acs:oss:oss-cn-*:*:b/*", "b/k", true),
        ("acs:oss:cn-beijing:*:b/*", "b/k", false),
        ("acs:oss:*:1234567890123456:b/*", "b/k", true),
        ("acs:oss:*:1234567890123457:b/*", "b/k", false),
        ("acs:ecs:*:*:b/*", "b/k", false),
        ("acs:*:*:*:b/*", "b/k", true),
        ("acs:oss:*:*:b/a:b", "b/a:b", true),
        // A key must not pass for an account and another bucket.
        ("acs:oss:*:*:b/k", "evil/x:y:b/k", false),
    ];
    for (resource, id, expected) in cases {
        let statement = format!(r#"{{"Effect":"Allow","Action":"oss:PutObject","Resource":["{resource}"]}}"#);
        assert_eq!(allowed(&statement, "oss:PutObject", id, &Asked::default()), expected, "{resource} {id}");
        let inverted = statement.replace("Resource", "NotResource");
        assert_eq!(allowed(&inverted, "oss:PutObject", id, &Asked::default()), !expected, "not {resource} {id}");
    }
}

#[test]
fn an_explicit_denial_wins_wherever_it_stands() {
    let allow = r#"{"Effect":"Allow","Action":"oss:*","Resource":"*"}"#;
    let deny = r#"{"Effect":"Deny","Action":"oss:PutObject","Resource":"acs:oss:*:*:b/secret/*"}"#;
    for statements in [format!("{allow},{deny}"), format!("{deny},{allow}")] {
        assert!(allowed(&statements, "oss:PutObject", "b/k", &Asked::default()));
        assert!(!allowed(&statements, "oss:PutObject", "b/secret/k", &Asked::default()));
        assert!(allowed(&statements, "oss:GetObject", "b/secret/k", &Asked::default()));
    }
    assert!(!allowed(deny, "oss:PutObject", "b/k", &Asked::default()), "nothing is allowed without a statement");
}

#[test]
fn the_three_verdicts_are_told_apart() {
    let policy = Permissions::of([Action::PutObject, Action::GetObject]).without(Action::PutObject);
    let judged = |action: &str| verdict(&policy, action, "b/k", &Asked::default());
    assert_eq!(judged("oss:PutObject"), Verdict::ExplicitDeny);
    assert_eq!(judged("oss:GetObject"), Verdict::Allowed);
    assert_eq!(judged("oss:DeleteObject"), Verdict::ImplicitDeny);
    assert_eq!(verdict(&Permissions::all(), "sts:AssumeRole", "b", &Asked::default()), Verdict::Allowed);
    assert_eq!(verdict(&Permissions::of([]), "oss:PutObject", "b/k", &Asked::default()), Verdict::ImplicitDeny);
}

#[test]
fn listings_are_judged_by_prefix_and_delimiter() {
    let cases = [
        (r#"{"StringLike":{"oss:Prefix":["u1/*"]}}"#, ("u1/", ""), true),
        (r#"{"StringLike":{"oss:Prefix":["u1/*"]}}"#, ("u1/a", "/"), true),
        (r#"{"StringLike":{"oss:Prefix":["u1/*"]}}"#, ("u2/", ""), false),
        (r#"{"StringLike":{"oss:Prefix":["u1/*"]}}"#, ("u1", ""), false),
        (r#"{"StringLike":{"oss:Prefix":["u1/*"]}}"#, ("", ""), false),
        (r#"{"StringLike":{"oss:Prefix":["","u1/*"],"oss:Delimiter":"/"}}"#, ("", "/"), true),
        (r#"{"StringLike":{"oss:Prefix":["","u1/*"],"oss:Delimiter":"/"}}"#, ("", ""), false),
        (r#"{"StringLike":{"oss:Prefix":"u?/"}}"#, ("u7/", ""), true),
        (r#"{"StringEquals":{"oss:Prefix":"u1/"}}"#, ("u1/", ""), true),
        (r#"{"StringEquals":{"oss:Prefix":"u1/*"}}"#, ("u1/a", ""), false),
        (r#"{"StringEquals":{"oss:Prefix":"u1/"}}"#, ("U1/", ""), false),
        (r#"{"StringEqualsIgnoreCase":{"oss:Prefix":"u1/"}}"#, ("U1/", ""), true),
        (r#"{"StringNotEqualsIgnoreCase":{"oss:Prefix":"u1/"}}"#, ("U1/", ""), false),
        (r#"{"StringNotEquals":{"oss:Prefix":["u1/","u2/"]}}"#, ("u2/", ""), false),
        (r#"{"StringNotEquals":{"oss:Prefix":["u1/","u2/"]}}"#, ("u3/", ""), true),
        (r#"{"StringNotLike":{"oss:Prefix":"secret*"}}"#, ("secrets/", ""), false),
        (r#"{"StringNotLike":{"oss:Prefix":"secret*"}}"#, ("public/", ""), true),
        (r#"{"StringLike":{"oss:Prefix":"u1/*"},"StringNotEquals":{"oss:Delimiter":"/"}}"#, ("u1/", "/"), false),
        (r#"{"StringLike":{"OSS:prefix":"u1/*"}}"#, ("u1/", ""), true),
    ];
    for (condition, listing, expected) in cases {
        let statement =
            format!(r#"{{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:b","Condition":{condition}}}"#);
        let asked = Asked { listing: Some(listing), ..Asked::default() };
        assert_eq!(allowed(&statement, "oss:ListObjects", "b", &asked), expected, "{condition} {listing:?}");
    }
    let only_listed =
        r#"{"Effect":"Allow","Action":"oss:*","Resource":"*","Condition":{"StringLike":{"oss:Prefix":"*"}}}"#;
    assert!(!allowed(only_listed, "oss:PutObject", "b/k", &Asked::default()), "an upload has no prefix");
    let unlisted =
        r#"{"Effect":"Allow","Action":"oss:*","Resource":"*","Condition":{"StringNotLike":{"oss:Prefix":"x"}}}"#;
    assert!(allowed(unlisted, "oss:PutObject", "b/k", &Asked::default()), "a prefix that is not there is not like x");
}

#[test]
fn address_transport_and_time_are_judged() {
    let from = |ip| Asked { ip: Some(ip), ..Asked::default() };
    let at = |now| Asked { now: Some(now), ..Asked::default() };
    let secure = |secure| Asked { secure, ..Asked::default() };
    let cases = [
        (r#"{"IpAddress":{"acs:SourceIp":["10.0.0.0/8","192.0.2.7"]}}"#, from("10.1.2.3"), true),
        (r#"{"IpAddress":{"acs:SourceIp":["10.0.0.0/8","192.0.2.7"]}}"#, from("192.0.2.7"), true),
        (r#"{"IpAddress":{"acs:SourceIp":["10.0.0.0/8","192.0.2.7"]}}"#, from("192.0.2.8"), false),
        (r#"{"IpAddress":{"acs:SourceIp":"2001:db8::/32"}}"#, from("2001:db8::1"), true),
        (r#"{"IpAddress":{"acs:SourceIp":"10.0.0.0/8"}}"#, Asked::default(), false),
        (r#"{"NotIpAddress":{"acs:SourceIp":"10.0.0.0/8"}}"#, from("10.1.2.3"), false),
        (r#"{"NotIpAddress":{"acs:SourceIp":"10.0.0.0/8"}}"#, from("11.1.2.3"), true),
        (r#"{"Bool":{"acs:SecureTransport":"true"}}"#, secure(true), true),
        (r#"{"Bool":{"acs:SecureTransport":"true"}}"#, secure(false), false),
        (r#"{"Bool":{"acs:SecureTransport":"false"}}"#, secure(false), true),
        (r#"{"DateLessThan":{"acs:CurrentTime":"2026-06-01T00:00:00+08:00"}}"#, at("2026-05-31T15:59:59Z"), true),
        (r#"{"DateLessThan":{"acs:CurrentTime":"2026-06-01T00:00:00+08:00"}}"#, at("2026-05-31T16:00:00Z"), false),
        (r#"{"DateLessThanEquals":{"acs:CurrentTime":"2026-06-01T00:00:00Z"}}"#, at("2026-06-01T00:00:00Z"), true),
        (r#"{"DateGreaterThan":{"acs:CurrentTime":"2026-06-01T00:00:00Z"}}"#, at("2026-06-01T00:00:00Z"), false),
        (r#"{"DateGreaterThanEquals":{"acs:CurrentTime":"2026-06-01T00:00:00Z"}}"#, at("2026-06-01T00:00:00Z"), true),
        (r#"{"DateEquals":{"acs:CurrentTime":"2026-06-01T00:00:00Z"}}"#, at("2026-06-01T00:00:00Z"), true),
        (r#"{"DateNotEquals":{"acs:CurrentTime":"2026-06-01T00:00:00Z"}}"#, at("2026-06-01T00:00:00Z"), false),
    ];
    for (condition, asked, expected) in cases {
        let statement =
            format!(r#"{{"Effect":"Allow","Action":"oss:PutObject","Resource":"*","Condition":{condition}}}"#);
        assert_eq!(allowed(&statement, "oss:PutObject", "b/k", &asked), expected, "{condition}");
    }
}

#[test]
fn every_action_has_osss_name() {
    assert_eq!(Action::GetBucketCors.ram_name(), "oss:GetBucketCors");
    assert_eq!(Action::DeleteObjectVersion.ram_name(), "oss:DeleteObjectVersion");
    let policy = Permissions::of(Action::ALL);
    for action in Action::ALL {
        assert_eq!(verdict(&policy, &action.ram_name(), "b/k", &Asked::default()), Verdict::Allowed, "{action:?}");
    }
}
