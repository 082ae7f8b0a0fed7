//! Forms: every field altered, emptied, dropped, doubled; further fields; other files, buckets and times.

use chrono::TimeDelta;
use serde_json::json;

use super::{
    ASKS, Change, ask, assert_untouched, attributes, caller_vars, changes, comparable, refusal, spawn, stored,
};
use crate::harness::{fields_of, send_form, upload};

/// How OSS refuses a form with this change (P§3.5).
fn form_refusals(name: &str, change: Change) -> &'static [&'static str] {
    match (name, change) {
        ("policy" | "x-oss-signature" | "Signature", Change::Altered | Change::Emptied) => {
            &["403 SignatureDoesNotMatch"]
        }
        ("key" | "policy" | "Signature" | "OSSAccessKeyId", Change::Dropped) => &["400 InvalidArgument"],
        ("OSSAccessKeyId", _) => &["403 InvalidAccessKeyId"],
        ("x-oss-credential", _) => &["400 InvalidArgument", "403 InvalidAccessKeyId"],
        ("x-oss-signature-version" | "x-oss-date" | "x-oss-signature", _) => {
            &["400 InvalidArgument", "403 AccessDenied"]
        }
        _ => &["403 AccessDenied"],
    }
}

#[tokio::test]
async fn no_field_of_a_form_can_be_altered_emptied_or_dropped() {
    for (profile, filename) in ASKS.into_iter().chain([("old_picture", "a.png")]) {
        let app = spawn().await;
        let grant = app.issue("u-7", ask(profile, "post", filename)).await;
        let fields = fields_of(&grant);
        assert!(fields.len() >= 10, "{profile}: {fields:?}");
        let url = grant["request"]["url"].as_str().unwrap();
        for (name, change, changed) in changes(&fields) {
            let what = match change {
                Change::Altered => "altered",
                Change::Emptied => "emptied",
                Change::Dropped => "dropped",
            };
            let why = format!("{profile}: {name} {what}");
            let answer = send_form(&app, url, &changed, b"hello").await;
            assert!(form_refusals(&name, change).contains(&refusal(&answer).as_str()), "{why}: {}", answer.text());
            assert!(stored(&app, &grant).await.is_none(), "{why}: stored all the same");
        }
        assert_untouched(&app, &grant, profile).await;
        // Untouched it works: what was refused was refused for the change.
        assert_eq!(upload(&app, &grant, b"hello").await.status, 200, "{profile}");
    }
}

#[tokio::test]
async fn a_field_given_twice_is_refused_or_changes_nothing() {
    for (profile, filename) in ASKS.into_iter().chain([("old_picture", "a.png")]) {
        let app = spawn().await;
        let untouched = app.issue("u-0", ask(profile, "post", filename)).await;
        assert_eq!(upload(&app, &untouched, b"hello").await.status, 200, "{profile}");
        let expected = comparable(attributes(&app, &untouched).await);
        let names: Vec<_> = fields_of(&untouched).into_iter().map(|(name, _)| name).collect();
        assert!(names.len() >= 10, "{profile}: {names:?}");
        for (number, name) in names.iter().enumerate() {
            for (place, first, spelling) in [
                ("before", true, name.clone()),
                ("behind", false, name.clone()),
                ("in capitals before", true, name.to_uppercase()),
                ("in capitals behind", false, name.to_uppercase()),
            ] {
                let user = format!("u-{number}-{first}-{}", spelling == *name);
                let grant = app.issue(&user, ask(profile, "post", filename)).await;
                let mut fields = fields_of(&grant);
                let another = (spelling, "7".to_owned());
                fields.insert(if first { 0 } else { fields.len() }, another);

                let answer = send_form(&app, grant["request"]["url"].as_str().unwrap(), &fields, b"hello").await;

                let why = format!("{profile}: a second {name} {place}: {} {}", answer.status, answer.text());
                if answer.status.is_client_error() {
                    assert!(stored(&app, &grant).await.is_none(), "{why}");
                    assert_eq!(app.show(&grant).await["state"], "issued", "{why}");
                    continue;
                }
                assert!(!first, "the first counts, so it must be refused: {why}");
                assert_eq!(answer.status, 200, "{why}");
                assert_eq!(answer.json()["user_id"], user, "{why}");
                assert_eq!(
                    answer.json()["vars"],
                    grant["callback"]["vars"].as_object().map(caller_vars).unwrap(),
                    "{why}"
                );
                assert_eq!(comparable(attributes(&app, &grant).await), expected, "{why}");
            }
        }
    }
}

/// Names of form fields are the same in any case (P§3.2), so a policy may be shown one field and the rest of OSS another.
/// Whatever OSS makes of it: nothing is stored, or nothing is recorded, or it is what was granted.
#[tokio::test]
async fn the_right_value_in_capitals_does_not_cover_for_a_wrong_one() {
    for (profile, filename) in ASKS {
        let app = spawn().await;
        let untouched = app.issue("u-0", ask(profile, "post", filename)).await;
        assert_eq!(upload(&app, &untouched, b"hello").await.status, 200, "{profile}");
        let expected = comparable(attributes(&app, &untouched).await);
        let count = fields_of(&untouched).len();
        for index in 0..count {
            let grant = app.issue(&format!("u-{index}-capitals"), ask(profile, "post", filename)).await;
            let mut fields = fields_of(&grant);
            let (name, value) = fields[index].clone();
            fields[index].1 = "7".to_owned();
            fields.insert(0, (name.to_uppercase(), value));

            let answer = send_form(&app, grant["request"]["url"].as_str().unwrap(), &fields, b"hello").await;

            let why = format!("{profile}: {name}: {} {}", answer.status, answer.text());
            let state = app.show(&grant).await["state"].clone();
            match answer.status.as_u16() {
                200 => {
                    assert_eq!(state, "completed", "{why}");
                    assert_eq!(
                        answer.json()["vars"],
                        caller_vars(grant["callback"]["vars"].as_object().unwrap()),
                        "{why}"
                    );
                    assert_eq!(comparable(attributes(&app, &grant).await), expected, "{why}");
                }
                203 => assert_eq!(state, "issued", "{why}"),
                _ => assert!(answer.status.is_client_error() && stored(&app, &grant).await.is_none(), "{why}"),
            }
        }
    }
}

#[tokio::test]
async fn a_field_that_needs_a_permission_of_its_own_is_refused() {
    let app = spawn().await;
    for profile in ["document", "old"] {
        let grant = app.issue("u-7", ask(profile, "post", "a.txt")).await;
        let url = grant["request"]["url"].as_str().unwrap();
        for acl in ["public-read", "public-read-write", "private", "default"] {
            let mut fields = fields_of(&grant);
            fields.push(("x-oss-object-acl".to_owned(), acl.to_owned()));
            let answer = send_form(&app, url, &fields, b"hello").await;
            assert_eq!(refusal(&answer), "403 AccessDenied", "{profile} {acl}: {}", answer.text());
            assert_untouched(&app, &grant, acl).await;
        }
    }
}

/// Fields that OSS accepts though the policy does not name them (P§3.4): none touches who, where, how large, of what type,
/// or what is called back.
#[tokio::test]
async fn a_field_that_nobody_pinned_reaches_neither_the_ledger_nor_the_answer() {
    let app = spawn().await;
    for (profile, name, value, why) in [
        ("document", "x:other", "evil", "a variable that nobody declared"),
        ("document", "x:dir", "evil/", "a variable of directory grants"),
        ("picture", "x:album", "evil", "a variable of another profile, into a JSON body"),
        ("old", "x:other", "evil", "a variable that nobody declared, V1"),
        ("document", "Content-Type", "text/html", "the weaker of the two content types"),
        ("document", "success_action_redirect", "https://evil.example.com/", "a redirect; a callback's answer wins"),
        ("document", "callback-var", "eyJ4OmFsYnVtIjoiZXZpbCJ9", "variables as a PUT has them"),
        ("document", "x-oss-callback", "e30=", "a callback as a PUT has it"),
        ("document", "bucket", "somebody-elses", "a field that bears a condition's name: the address counts"),
        ("document", "name", "a.txt", "what old uploaders always send"),
    ] {
        let grant = app.issue("u-7", ask(profile, "post", "a.png")).await;
        for first in [true, false] {
            let grant = if first { grant.clone() } else { app.issue("u-7", ask(profile, "post", "a.png")).await };
            let mut fields = fields_of(&grant);
            fields.insert(if first { 0 } else { fields.len() }, (name.to_owned(), value.to_owned()));

            let answer = send_form(&app, grant["request"]["url"].as_str().unwrap(), &fields, b"hello").await;

            assert_eq!(answer.status, 200, "{why}: {}", answer.text());
            let told = answer.json();
            assert_eq!(told["vars"], caller_vars(grant["callback"]["vars"].as_object().unwrap()), "{why}: {told}");
            assert_eq!(told["content_type"], grant["content_type"], "{why}: {told}");
            let shown = app.show(&grant).await;
            assert_eq!(shown["completion"]["content_type"], grant["content_type"], "{why}: {shown}");
            assert!(!answer.text().contains("evil") && !shown.to_string().contains("evil"), "{why}: {shown}");
        }
    }
    let told = app.events().await;
    assert!(told.iter().all(|event| !event.to_string().contains("evil")), "{told:?}");
    assert_eq!(app.objects("somebody-elses").await, json!([]));
}

#[tokio::test]
async fn a_file_of_another_size_than_declared_or_allowed_is_refused_before_it_is_stored() {
    let app = spawn().await;
    let limit = 1024 * 1024;
    for (why, profile, declared, len, expected) in [
        ("one byte less than declared", "document", Some(5), 4, "400 EntityTooSmall"),
        ("one byte more than declared", "document", Some(5), 6, "400 EntityTooLarge"),
        ("nothing where something was declared", "document", Some(5), 0, "400 EntityTooSmall"),
        ("less than declared, V1", "old", Some(5), 4, "400 EntityTooSmall"),
        ("more than declared, V1", "old", Some(5), 6, "400 EntityTooLarge"),
        ("more than the profile's limit", "document", None, limit + 1, "400 EntityTooLarge"),
        ("less than the profile's limit", "avatar", None, 0, "400 EntityTooSmall"),
    ] {
        let mut body = ask(profile, "post", "a.png");
        if let Some(size) = declared {
            body["size"] = json!(size);
        }
        let grant = app.issue("u-7", body).await;
        let answer = upload(&app, &grant, &vec![b'x'; len]).await;
        assert_eq!(refusal(&answer), expected, "{why}");
        assert_untouched(&app, &grant, why).await;
    }
}

#[tokio::test]
async fn a_form_is_good_for_its_bucket_and_its_time_only() {
    let app = spawn().await;
    for (profile, other) in [("document", "app-old"), ("document", "somebody-elses"), ("old", "app-media")] {
        let grant = app.issue("u-7", ask(profile, "post", "a.txt")).await;
        let url = format!("{}/{other}/", app.simulator);
        let answer = send_form(&app, &url, &fields_of(&grant), b"hello").await;
        assert_eq!(refusal(&answer), "403 AccessDenied", "{profile} in {other}");
        assert_eq!(app.objects(other).await, json!([]), "{profile} in {other}");
        assert_untouched(&app, &grant, profile).await;
    }
    let grants =
        [app.issue("u-7", ask("document", "post", "a.txt")).await, app.issue("u-7", ask("old", "post", "a.txt")).await];
    app.clock.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
    let in_time = app.issue("u-7", ask("document", "post", "a.txt")).await;
    app.clock.advance(TimeDelta::seconds(1));
    for grant in &grants {
        let answer = upload(&app, grant, b"hello").await;
        assert_eq!(refusal(&answer), "403 AccessDenied", "{}", answer.text());
        assert!(answer.text().contains("Policy expired"), "{}", answer.text());
        assert_untouched(&app, grant, "expired").await;
    }
    assert_eq!(upload(&app, &in_time, b"hello").await.status, 200);
}
