//! Every look of the schedule, and none besides.

use chrono::TimeDelta;
use oss_valet::clock::Clock;
use serde_json::{Value, json};

use super::{heads, issue, issue_by, kinds, state, step_at};
use crate::harness::{TestApp, path_of};

/// The minutes, out of two days, at which somebody looked; asked shortly before and at each of them.
async fn looks_at(app: &TestApp, grant: &Value) -> Vec<i64> {
    let began = app.clock.now();
    let mut looks = Vec::new();
    for minutes in [4, 5, 6, 26, 27, 28, 84, 85, 86, 1464, 1465, 1466, 2880] {
        let before = heads(app, std::slice::from_ref(grant)).await[0];
        step_at(app, began, minutes).await;
        if heads(app, std::slice::from_ref(grant)).await[0] > before {
            looks.push(minutes);
        }
    }
    looks
}

#[tokio::test]
async fn what_never_arrives_is_looked_for_midway_at_the_end_and_twice_late() {
    for method in ["post", "put", "sts"] {
        let app = TestApp::spawn().await;
        let grant = issue_by(&app, method).await;
        // The credentials of `sts` live for a quarter of an hour at least, five minutes longer than the grant.
        let later = if method == "sts" { 5 } else { 0 };
        let began = app.clock.now();
        let mut looks = Vec::new();
        for minutes in [4, 5, 6, 26, 27, 28, 31, 32, 33, 84, 85, 86, 89, 90, 91, 1464, 1465, 1466, 1469, 1470, 2880] {
            if !step_at(&app, began, minutes).await.is_empty() {
                looks.push(minutes);
            }
        }
        assert_eq!(looks, [5, 27 + later, 85 + later, 1465 + later], "{method}");
        assert_eq!(heads(&app, std::slice::from_ref(&grant)).await, [4], "{method}");
        assert_eq!(state(&app, &grant).await, "expired", "{method}");
        assert_eq!(kinds(&app).await, ["expired"], "{method}: told once");
    }
}

#[tokio::test]
async fn a_grant_expires_at_the_deciding_look_and_no_sooner() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());
    for (minutes, found, standing) in [
        (5, vec!["absent"], "issued"),
        (26, vec![], "issued"),
        (27, vec!["expired"], "expired"),
        (85, vec!["absent"], "expired"),
    ] {
        assert_eq!(step_at(&app, began, minutes).await, found, "{minutes}");
        assert_eq!(state(&app, &grant).await, standing, "{minutes}");
    }
}

#[tokio::test]
async fn a_cancelled_grant_keeps_its_appointments() {
    let app = TestApp::spawn().await;
    let grant = issue(&app).await;
    assert_eq!(app.delete(&path_of(&grant), "u-7").await.status, 204);

    assert_eq!(looks_at(&app, &grant).await, [5, 27, 85, 1465]);

    assert_eq!(state(&app, &grant).await, "cancelled");
    assert!(app.events().await.is_empty(), "what its user knows is told to nobody");
}

#[tokio::test]
async fn what_has_called_back_is_not_looked_for_again() {
    let app = TestApp::spawn().await;
    let grant = issue(&app).await;
    assert_eq!(crate::harness::upload(&app, &grant, b"hello").await.status, 200);
    let confirmed = heads(&app, std::slice::from_ref(&grant)).await;

    assert!(looks_at(&app, &grant).await.is_empty());

    assert_eq!(heads(&app, &[grant]).await, confirmed);
}

#[tokio::test]
async fn a_renewed_grant_is_decided_later() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());
    app.clock.advance(TimeDelta::minutes(9));
    assert_eq!(app.act(&grant, "renew").await.status, 200);

    // Ends 19 minutes after its issue now: midway is 9 and a half.
    let mut looks = Vec::new();
    for minutes in [9, 10, 27, 35, 36, 93, 94, 1473, 1474] {
        if !step_at(&app, began, minutes).await.is_empty() {
            looks.push(minutes);
        }
    }
    assert_eq!(looks, [10, 36, 94, 1474]);
}

#[tokio::test]
async fn after_a_long_stop_one_look_makes_up_for_all_that_were_missed() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());

    assert_eq!(step_at(&app, began, 200).await, ["expired"]);
    assert_eq!(step_at(&app, began, 201).await, [""; 0]);
    assert_eq!(step_at(&app, began, 1465).await, ["absent"], "the last one is still to come");
    assert_eq!(step_at(&app, began, 10_000).await, [""; 0]);
    assert_eq!(heads(&app, &[grant]).await, [2]);
}

#[tokio::test]
async fn the_schedule_is_a_matter_of_settings() {
    let schedule = "[reconciler]\nmargin = \"10s\"\nlate_checks = [\"2h\"]\n";
    let app = TestApp::spawn_with(|settings| format!("{settings}\n{schedule}")).await;
    let (_, began) = (issue(&app).await, app.clock.now());
    let mut looks = Vec::new();
    for minutes in [5, 25, 26, 85, 144, 145, 3000] {
        if !step_at(&app, began, minutes).await.is_empty() {
            looks.push(minutes);
        }
    }
    assert_eq!(looks, [5, 26, 145], "25 minutes and ten seconds; two hours after 25 minutes");
}

#[tokio::test]
async fn a_multipart_upload_is_left_alone_until_its_end_and_cleared_away_then() {
    let app = TestApp::spawn().await;
    let (grant, began) = (issue_by(&app, "multipart").await, app.clock.now());
    let parts = format!("{}/parts", path_of(&grant));

    assert_eq!(step_at(&app, began, 5).await, ["absent"]);
    assert_eq!(app.get(&parts, "u-7").await.json()["parts"], json!([]), "it can go on");
    assert_eq!(app.post(&parts, "u-7", &json!({"part_numbers": [1]})).await.status, 200);
    assert_eq!(step_at(&app, began, 27).await, ["expired"]);

    app.post(&parts, "u-7", &json!({"part_numbers": [1]})).await.assert_refused(409, "grant_ended");
    assert_eq!(step_at(&app, began, 85).await, ["absent"], "and late, too");
}
