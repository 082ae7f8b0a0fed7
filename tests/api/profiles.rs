//! `GET /v1/profiles`: what the caller may upload.

use serde_json::{Value, json};

use crate::harness::TestApp;

#[tokio::test]
async fn a_profile_tells_what_a_page_needs_to_offer_it() {
    let app = TestApp::spawn().await;

    let told = app.get("/v1/profiles", "u-7").await.json();

    let avatar = named(&told, "avatar").unwrap();
    let expected = json!({
        "name": "avatar", "methods": ["post", "put"], "min_size": 1, "max_size": 5 * 1024 * 1024,
        "content_types": ["image/*"], "accept": "image/*", "vars": [], "expires_in": 600,
    });
    assert_eq!(*avatar, expected);
    let document = named(&told, "document").unwrap();
    assert_eq!(document["vars"], json!(["album", "note"]));
    assert_eq!(document["accept"], "", "everything");
    assert_eq!(named(&told, "portrait").unwrap()["expires_in"], 900, "the default lifetime");
}

#[tokio::test]
async fn only_what_can_be_asked_for_is_listed() {
    let app = TestApp::spawn().await;

    let told = app.get("/v1/profiles", "u-7").await.json();

    assert!(named(&told, "staff").is_none(), "it needs a scope");
    for profile in told["profiles"].as_array().unwrap() {
        let name = profile["name"].as_str().unwrap();
        for method in profile["methods"].as_array().unwrap() {
            let body = json!({
                "profile": name, "method": method, "content_type": "image/png", "size": profile["max_size"],
                "vars": if name == "album" { json!({"album": "1"}) } else { json!({}) },
            });
            assert_eq!(app.issue("u-7", body).await["method"], *method, "{name}");
        }
    }
    let staff = app.token_with("u-7", &["uploads:staff"]);
    let told = app.get_by("/v1/profiles", &staff).await.json();
    assert!(named(&told, "staff").is_some());
}

fn named<'a>(told: &'a Value, name: &str) -> Option<&'a Value> {
    told["profiles"].as_array().unwrap().iter().find(|profile| profile["name"] == name)
}
