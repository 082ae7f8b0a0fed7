//! What answers mean, without anybody to answer.

use chrono::TimeDelta;

use super::{
    cors::judge_cors,
    finding::{
        Finding, Judged,
        Level::{self, Fault, Ok, Unknown, Warning},
        Report,
    },
    judge::{BucketFacts, Probe, Rules, Subject, judge},
};
use crate::{
    grant::profile::{Method, Profile},
    oss::xml::{BucketInfo, CorsRule, LifecycleRule, Versioning},
    oss_client::inspect::{Asked, Refusal},
    settings::Settings,
};

const TOML: &str = r#"
[auth]
algorithms = ["HS256"]
[[auth.issuers]]
issuer = "tests"
hmac_secret = "jwt-secret-of-the-tests-0123456789abcdef"
[buckets.media]
bucket = "app-media"
region = "cn-hangzhou"
endpoint = "https://oss-accelerate.aliyuncs.com"
internal_endpoint = "https://oss-cn-hangzhou-internal.aliyuncs.com"
credentials = "signer"
confirm_credentials = "reader"
[credentials.signer]
kind = "env"
[credentials.reader]
kind = "env"
[profiles.video]
bucket = "media"
key = "videos/{user_id}/{id}.{ext}"
methods = ["put", "multipart"]
max_size = "1 GiB"
expires_in = "2d"
[callback]
public_urls = ["https://uploads.example.com/v1/callbacks/oss"]
[[callback.seal_secrets]]
kid = "k1"
secret = "seal-secret-of-the-tests-0123456789abcdef"
[store]
url = "sqlite:///ledger.db"
"#;

fn settings() -> Settings {
    Settings::from_toml_str("production", "test.toml", TOML).unwrap()
}

fn refusal(status: u16, code: &str) -> Refusal {
    Refusal { status, code: code.to_owned(), request_id: "R".to_owned(), ..Refusal::default() }
}

fn refused<T>(status: u16, code: &str) -> Asked<T> {
    Asked::Refused(refusal(status, code))
}

fn rule() -> CorsRule {
    let texts = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
    CorsRule {
        allowed_origins: texts(&["https://app.example.com"]),
        allowed_methods: texts(&["PUT", "POST"]),
        allowed_headers: texts(&["*"]),
        expose_headers: texts(&["ETag", "x-oss-request-id"]),
    }
}

/// As everything should be.
fn fine() -> BucketFacts {
    let abort = LifecycleRule { enabled: true, abort_multipart_upload_days: Some(3), ..LifecycleRule::default() };
    BucketFacts {
        probes: vec![Probe {
            profile: "video".to_owned(),
            key: "videos/x/y.bin".to_owned(),
            head: refused(404, "NoSuchKey"),
            acl: Some(refused(403, "AccessDenied")),
        }],
        clients: Some(refused(404, "NoSuchKey")),
        clock_offset: Some(TimeDelta::seconds(-2)),
        rules: Some(Rules {
            info: Asked::Told(BucketInfo { location: "oss-cn-hangzhou".to_owned(), ..BucketInfo::default() }),
            location: None,
            cors: Asked::Told(vec![rule()]),
            versioning: Asked::Told(Versioning::Unversioned),
            lifecycle: Asked::Told(vec![abort]),
        }),
    }
}

/// What is not as it should be.
fn wrong(facts: &BucketFacts) -> Vec<(Level, String)> {
    let settings = settings();
    let profiles: Vec<&Profile> = settings.profiles.iter().collect();
    let origins = ["https://app.example.com".to_owned()];
    let subject = Subject { bucket: &settings.buckets["media"], profiles: &profiles, origins: &origins };
    let found = judge(&subject, facts);
    found.into_iter().filter(|found| found.level != Ok).map(|found| (found.level, found.key)).collect()
}

fn rules(change: impl FnOnce(&mut Rules)) -> BucketFacts {
    let mut facts = fine();
    change(facts.rules.as_mut().unwrap());
    facts
}

fn probed(change: impl FnOnce(&mut Probe)) -> BucketFacts {
    let mut facts = fine();
    change(&mut facts.probes[0]);
    facts
}

#[test]
fn nothing_is_wrong_where_all_is_right() {
    assert_eq!(wrong(&fine()), []);
}

#[test]
fn each_answer_is_judged_by_what_it_means() {
    let elsewhere =
        Refusal { endpoint: Some("oss-cn-beijing.aliyuncs.com".to_owned()), ..refusal(403, "AccessDenied") };
    let region = Refusal { ec: Some("0002-00000226".to_owned()), ..refusal(400, "InvalidArgument") };
    let head = |head| probed(|probe| probe.head = head);
    let clients = |asked| BucketFacts { clients: Some(asked), ..fine() };
    let clock = |seconds| BucketFacts { clock_offset: Some(TimeDelta::seconds(seconds)), ..fine() };
    let versions = rules(|rules| rules.versioning = Asked::Told(Versioning::Enabled));
    let undisclosed = rules(|rules| {
        rules.versioning = refused(403, "AccessDenied");
        rules.info = refused(403, "AccessDenied");
        rules.location = Some(Asked::Told("oss-cn-hangzhou".to_owned()));
    });
    let slow = rules(|rules| {
        if let Asked::Told(info) = &mut rules.info {
            info.transfer_acceleration = Some(false);
        }
    });
    let days = |days| {
        rules(|rules| {
            if let Asked::Told(list) = &mut rules.lifecycle {
                list[0].abort_multipart_upload_days = Some(days);
            }
        })
    };
    let cases = [
        ("another region's bucket", head(Asked::Refused(elsewhere)), Fault, "buckets.media.internal_endpoint"),
        ("V4 for another region", head(Asked::Refused(region)), Fault, "buckets.media.region"),
        ("an object at a random key", head(Asked::Told(())), Fault, "buckets.media.internal_endpoint"),
        ("somebody else answers", head(refused(404, "")), Fault, "buckets.media.internal_endpoint"),
        ("OSS in trouble", head(refused(503, "ServiceUnavailable")), Unknown, "buckets.media.internal_endpoint"),
        ("a clock far off", head(refused(403, "RequestTimeTooSkewed")), Fault, ""),
        ("an expired token", head(refused(403, "SecurityTokenExpired")), Fault, "credentials.reader"),
        (
            "the signer's key unknown",
            probed(|probe| probe.acl = Some(refused(403, "InvalidAccessKeyId"))),
            Fault,
            "credentials.signer",
        ),
        (
            "an ACL that may be set",
            probed(|probe| probe.acl = Some(refused(404, "NoSuchKey"))),
            Warning,
            "buckets.media.credentials",
        ),
        ("a domain of another bucket", clients(refused(404, "NoSuchBucket")), Fault, "buckets.media.endpoint"),
        ("a forbidden endpoint", clients(refused(400, "PublicEndpointForbidden")), Fault, "buckets.media.endpoint"),
        ("no way to the clients' host", clients(Asked::Silent("no".to_owned())), Unknown, "buckets.media.endpoint"),
        ("a clock that is off", clock(-61), Fault, ""),
        ("a clock that drifts", clock(6), Warning, ""),
        ("versions", versions, Fault, "profiles.video.overwrite"),
        ("versions that may not be seen", undisclosed, Unknown, "buckets.media.bucket"),
        ("no acceleration", slow, Fault, "buckets.media.endpoint"),
        ("an early rule", days(1), Warning, "buckets.media.bucket"),
    ];
    for (why, facts, level, key) in cases {
        assert_eq!(wrong(&facts), [(level, key.to_owned())], "{why}");
    }
}

#[test]
fn what_two_questions_find_is_told_once() {
    let facts = rules(|rules| {
        rules.cors = refused(403, "InvalidAccessKeyId");
        rules.lifecycle = refused(403, "InvalidAccessKeyId");
    });
    assert_eq!(wrong(&facts), [(Fault, "credentials.reader".to_owned())]);
}

/// Why, the bucket's rule, the profile's methods, the page's origin, what is found.
type CorsCase<'a> = (&'a str, &'a CorsRule, &'a [Method], &'a str, &'a [Level]);

#[test]
fn cors_is_asked_for_what_the_profiles_send() {
    let settings = settings();
    let with = |methods: &[Method]| Profile { methods: methods.to_vec(), ..settings.profiles[0].clone() };
    let levels = |rule: &CorsRule, methods: &[Method], origin: &str| -> Vec<Level> {
        let profile = with(methods);
        let found = judge_cors(std::slice::from_ref(rule), &[&profile], &[origin.to_owned()]);
        found.into_iter().map(|(level, _)| level).collect()
    };
    let app = "https://app.example.com";
    let changed = |change: fn(&mut CorsRule)| {
        let mut rule = rule();
        change(&mut rule);
        rule
    };
    let posts = changed(|rule| rule.allowed_methods.truncate(1));
    let few = changed(|rule| rule.allowed_headers = vec!["content-type".to_owned()]);
    let silent = changed(|rule| drop(rule.expose_headers.remove(0)));
    let cases: [CorsCase<'_>; 10] = [
        ("all right", &rule(), &[Method::Post, Method::Put, Method::Multipart, Method::Sts], app, &[]),
        ("any page", &rule(), &[Method::Put], "*", &[Fault]),
        ("PUT alone", &posts, &[Method::Put], app, &[]),
        ("PUT alone, for forms", &posts, &[Method::Post], app, &[Fault]),
        ("few headers, for parts", &few, &[Method::Multipart], app, &[]),
        ("few headers, for PUT", &few, &[Method::Put], app, &[Fault]),
        ("few headers, for forms", &few, &[Method::Post], app, &[Warning]),
        ("few headers, for SDKs", &few, &[Method::Sts], app, &[Fault, Fault]),
        ("no ETag, for PUT", &silent, &[Method::Put], app, &[Warning]),
        ("no ETag, for parts", &silent, &[Method::Multipart], app, &[Fault]),
    ];
    for (why, rule, methods, origin, expected) in cases {
        assert_eq!(levels(rule, methods, origin), expected, "{why}");
    }
    // What one rule lacks another can't give.
    let split = [changed(|rule| rule.allowed_methods.clear()), changed(|rule| rule.allowed_origins.clear())];
    let profile = with(&[Method::Put]);
    assert_eq!(judge_cors(&split, &[&profile], &[app.to_owned()]).len(), 1);
}

#[test]
fn only_faults_fail() {
    let settings = settings();
    let finding = |level| -> Finding { Judged::new(level, "cors", "buckets.media.bucket", "m").placed(&settings) };
    assert_eq!(finding(Ok).place, "test.toml");
    let succeeded = |levels: &[Level]| {
        let report = Report::of(levels.iter().map(|level| finding(*level)).collect());
        serde_json::to_value(report).unwrap()["ok"] == true
    };
    assert!(succeeded(&[]) && succeeded(&[Ok, Warning, Unknown]) && !succeeded(&[Ok, Fault]));
}
