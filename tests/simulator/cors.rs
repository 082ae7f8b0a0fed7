//! Cross-origin requests.

use oss_valet::{oss::request::SignatureVersion, simulator::CorsRule};
use reqwest::Method;

use crate::harness::{BUCKET, Form, World, header, refusal, send};

const ORIGIN: &str = "https://app.example.com";

#[tokio::test]
async fn a_preflight_is_answered_by_the_rule_that_matches() {
    let world = World::new().await;
    let preflight = world.client.request(Method::OPTIONS, format!("{}/{BUCKET}/a", world.url));
    let preflight = preflight
        .header("origin", ORIGIN)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type, x-oss-callback");
    let answer = send(preflight).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("*"));
    assert_eq!(header(&answer, "access-control-allow-headers").as_deref(), Some("content-type, x-oss-callback"));
    assert!(header(&answer, "access-control-allow-methods").is_some_and(|methods| methods.contains("PUT")));
}

#[tokio::test]
async fn an_answer_lets_the_page_read_it_even_when_it_refuses() {
    let world = World::new().await;
    for (form, status) in [
        (Form::new(&world, SignatureVersion::V4, "a", vec![], &[]), 204),
        (Form::new(&world, SignatureVersion::V4, "a", vec![], &[]).without("policy"), 400),
    ] {
        let (content_type, body) = form.encode();
        let request = world.client.post(format!("{}/{BUCKET}", world.url)).header("content-type", content_type);
        let answer = send(request.header("origin", ORIGIN).body(body)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("*"));
        let exposed = header(&answer, "access-control-expose-headers").unwrap_or_default();
        assert!(exposed.contains("ETag") && exposed.contains("x-oss-request-id"), "{exposed}");
    }
}

#[tokio::test]
async fn without_a_matching_rule_a_preflight_is_refused() {
    let world = World::with(|settings| {
        let rule = CorsRule {
            allowed_origins: vec![ORIGIN.to_owned()],
            allowed_methods: vec!["POST".to_owned()],
            allowed_headers: vec!["x-oss-*".to_owned()],
            ..CorsRule::open()
        };
        settings.buckets[0].cors = vec![rule];
    })
    .await;
    let cases = [
        ("allowed", ORIGIN, "POST", "x-oss-meta-a", true),
        ("header names in any case", ORIGIN, "POST", "X-OSS-Meta-A", true),
        ("another origin", "https://evil.example.com", "POST", "", false),
        ("another method", ORIGIN, "PUT", "", false),
        ("another header", ORIGIN, "POST", "x-oss-meta-a, content-type", false),
    ];
    for (description, origin, method, headers, allowed) in cases {
        let preflight = world.client.request(Method::OPTIONS, format!("{}/{BUCKET}", world.url));
        let preflight = preflight.header("origin", origin).header("access-control-request-method", method);
        let answer = send(preflight.header("access-control-request-headers", headers)).await;
        if allowed {
            assert_eq!(answer.status(), 200, "{description}");
            assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some(ORIGIN), "{description}");
        } else {
            let refused = refusal(answer).await;
            assert_eq!(refused.summary(), "403 AccessForbidden", "{description}");
            assert_eq!(refused.document.ec.as_deref(), Some("0003-00000602"), "{description}");
        }
    }
}
