//! The client library and the demo page.

use crate::harness::{Answer, TestApp, send};

#[tokio::test]
async fn the_client_library_is_served_to_pages_of_any_origin() {
    let app = TestApp::spawn().await;
    for (path, content_type, word) in [
        ("/client.js", "text/javascript; charset=utf-8", "export"),
        ("/client.d.ts", "text/plain; charset=utf-8", "export"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), content_type, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.text().contains(word), "{path}");
    }
}

#[tokio::test]
async fn the_demo_page_loads_everything_it_names_under_its_policy() {
    let app = TestApp::spawn().await;

    let page = get(&app, "/demo").await;

    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("referrer-policy"), "no-referrer", "the URL may carry a token");
    let text = page.text();
    let mut named = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in text.split(attribute).skip(1) {
            let path = rest.split('"').next().unwrap();
            if !path.starts_with("data:") {
                named += 1;
                let asset = get(&app, &format!("/{path}")).await;
                assert_eq!(asset.status, 200, "{path}");
                assert_eq!(asset.header("x-content-type-options"), "nosniff", "{path}");
            }
        }
    }
    assert!(named >= 2, "a script and a style at least");
}

#[tokio::test]
async fn a_disabled_demo_is_not_there_but_the_library_is() {
    let app =
        TestApp::spawn_with(|settings| settings.replace("[demo]\nenabled = true", "[demo]\nenabled = false")).await;
    for path in ["/demo", "/demo/demo.js", "/demo/demo.css"] {
        get(&app, path).await.assert_refused(404, "not_found");
    }
    assert_eq!(get(&app, "/client.js").await.status, 200);
}

async fn get(app: &TestApp, path: &str) -> Answer {
    send(app.http.get(format!("{}{path}", app.service))).await
}
