//! The OpenAPI document, and the page that shows it, as they are served; and what the document says of `HEAD`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, path_of, send};

#[test]
fn the_committed_document_is_what_the_handlers_make() {
    let made = oss_valet::http::openapi::to_json(&oss_valet::http::openapi::document(None));
    let committed = include_str!("../../docs/openapi.json");
    assert!(made == committed, "run `cargo run -- openapi > docs/openapi.json`, and read the difference");
}

#[tokio::test]
async fn the_document_is_served_to_pages_of_any_origin_and_once_only() {
    let app = TestApp::spawn().await;

    let answer = get(&app, "/openapi.json", &[]).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("cache-control"), "no-cache");
    let mut served = answer.json();
    let committed: Value = serde_json::from_str(include_str!("../../docs/openapi.json")).unwrap();
    served["servers"] = committed["servers"].clone();
    assert_eq!(served, committed);

    let tag = answer.header("etag");
    for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let again = get(&app, "/openapi.json", &[("if-none-match", &known)]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), tag);
    }
    assert_eq!(get(&app, "/openapi.json", &[("if-none-match", "\"other\"")]).await.status, 200);
}

#[tokio::test]
async fn the_served_document_names_the_public_address() {
    let app = TestApp::spawn_with(|settings| {
        let own = settings.lines().find(|line| line.starts_with("public_url = ")).unwrap().to_owned();
        settings.replace(&own, "public_url = \"https://uploads.example.com/valet/\"")
    })
    .await;
    let document = get(&app, "/openapi.json", &[]).await.json();
    assert_eq!(document["servers"][0]["url"], "https://uploads.example.com/valet");
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let app = TestApp::spawn().await;

    let page = get(&app, "/docs", &[]).await;

    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = page.text();
    assert!(!text.contains("//"), "an address of somebody else, or an inline comment: {text}");
    let named: Vec<_> = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| text.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|path| !path.starts_with("data:"))
        .collect();
    assert_eq!(named.len(), 5, "{named:?}");
    for path in named {
        let part = get(&app, &format!("/{path}"), &[]).await;
        assert_eq!(part.status, 200, "{path}");
        assert!(!part.body.is_empty(), "{path}");
    }
    let bundle = get(&app, "/docs/swagger-ui-bundle.js", &[]).await;
    assert!(bundle.body.len() > 1_000_000, "Swagger UI is in the binary: {} bytes", bundle.body.len());
}

/// `/` and what is beyond the page's parts.
#[tokio::test]
async fn nothing_else_lies_beside_the_page() {
    let app = TestApp::spawn().await;
    for path in ["/docs/", "/docs/index.html", "/docs/../openapi.json.bak", "/docs/swagger-initializer.js"] {
        get(&app, path, &[]).await.assert_refused(404, "not_found");
    }
}

#[tokio::test]
async fn head_is_answered_as_get_but_for_the_body() {
    let app = TestApp::spawn().await;
    let grant = app.issue("u-7", json!({"profile": "document", "method": "multipart"})).await;
    let own = [path_of(&grant), format!("{}/parts", path_of(&grant))];
    let fixed = ["/v1/uploads", "/v1/profiles", "/openapi.json", "/docs", "/client.js"].map(str::to_owned);
    for path in fixed.into_iter().chain(own) {
        let whole = app.get(&path, "u-7").await;
        let head = send(app.request(Method::HEAD, &path, "u-7")).await;
        assert_eq!((head.status, head.body.len()), (whole.status, 0), "{path}");
        for name in ["content-type", "content-length", "cache-control", "etag"] {
            assert_eq!(head.header(name), whole.header(name), "{path} {name}");
        }
    }
}

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = app.http.get(format!("{}{path}", app.service));
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}
