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

#[tokio::test]
async fn the_first_rule_that_allows_all_of_it_answers_a_preflight() {
    let world = World::with(|settings| {
        let rule = |origin: &str, headers: &[&str], age: Option<u32>| CorsRule {
            allowed_origins: vec![origin.to_owned()],
            allowed_methods: vec!["PUT".to_owned(), "GET".to_owned()],
            allowed_headers: headers.iter().map(|&name| name.to_owned()).collect(),
            expose_headers: vec![],
            max_age_seconds: age,
        };
        settings.buckets[0].cors = vec![
            rule("https://app.example.com", &["authorization"], Some(10)),
            rule("https://*.example.com", &["*"], None),
            rule("https://other.test", &["*-md5"], Some(30)),
        ];
    })
    .await;
    let cases = [
        ("the first", ORIGIN, "authorization", Some(Some("10"))),
        ("headers that only the second allows", ORIGIN, "authorization, content-type", Some(None)),
        ("another origin of the second", "https://x.example.com", "content-type", Some(None)),
        ("a star inside a header", "https://other.test", "Content-MD5", Some(Some("30"))),
        ("nobody's header", "https://other.test", "content-type", None),
        ("nobody's origin", "https://example.com", "authorization", None),
    ];
    for (description, origin, headers, expected) in cases {
        for path in ["", "any/object", "any/object?uploads"] {
            let preflight = world.client.request(Method::OPTIONS, format!("{}/{BUCKET}/{path}", world.url));
            let preflight = preflight.header("origin", origin).header("access-control-request-method", "PUT");
            let answer = send(preflight.header("access-control-request-headers", headers)).await;
            let allowed = header(&answer, "access-control-allow-origin");
            match expected {
                Some(age) => {
                    assert_eq!((answer.status().as_u16(), allowed.as_deref()), (200, Some(origin)), "{description}");
                    assert_eq!(header(&answer, "access-control-allow-headers").as_deref(), Some(headers));
                    assert_eq!(header(&answer, "access-control-max-age").as_deref(), age, "{description}");
                }
                None => assert_eq!((answer.status().as_u16(), allowed), (403, None), "{description}"),
            }
            assert_eq!(header(&answer, "vary"), None, "{description}");
        }
    }
}

#[tokio::test]
async fn a_preflight_without_its_headers_says_which_is_missing() {
    let world = World::new().await;
    let preflight = || world.client.request(Method::OPTIONS, format!("{}/{BUCKET}/a", world.url));
    for (request, missing) in [
        (preflight().header("access-control-request-method", "PUT"), "Origin request header"),
        (preflight().header("origin", ORIGIN), "Request Access-Control-Request-Method header"),
    ] {
        let refused = refusal(send(request).await).await;
        assert_eq!(refused.summary(), "400 BadRequest");
        assert_eq!(refused.document.message, format!("Insufficient information. {missing} needed."));
    }
}

#[tokio::test]
async fn vary_is_said_to_everybody_where_the_bucket_says_so() {
    let world = World::with(|settings| settings.buckets[0].response_vary = true).await;
    let anonymous = send(world.client.get(format!("{}/{BUCKET}/a", world.url))).await;
    assert_eq!(header(&anonymous, "vary").as_deref(), Some("Origin"));
    assert_eq!(header(&anonymous, "access-control-allow-origin"), None, "nobody asked");
}
