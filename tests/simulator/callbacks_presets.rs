//! Presets of a bucket, and callbacks for what is there already (P§1.8, P§1.1).

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use oss_valet::oss::{
    callback::{Callback, encode_vars},
    presign,
    request::{SignableRequest, SignatureVersion},
};

use crate::{
    callbacks::callback,
    harness::{BOTH, BUCKET, Form, World, header, ok, own, refusal, send, text, uploader},
    receiver::{GOOD_ANSWER, Receiver},
};

fn policy(method: &str) -> SignableRequest {
    let mut request = SignableRequest::object(method, BUCKET, "");
    request.query = own(&[("policy", ""), ("comp", "callback")]);
    request
}

fn document(items: &[(&str, &str, Option<&str>)]) -> String {
    let item = |(name, callback, vars): &(&str, &str, Option<&str>)| {
        let vars = vars.map(|vars| format!("<CallbackVar>{vars}</CallbackVar>")).unwrap_or_default();
        format!("<PolicyItem><PolicyName>{name}</PolicyName><Callback>{callback}</Callback>{vars}</PolicyItem>")
    };
    let items: String = items.iter().map(item).collect();
    format!("<BucketCallbackPolicy>{items}</BucketCallbackPolicy>")
}

async fn put(world: &World, xml: String) -> reqwest::Response {
    send(world.signed(SignatureVersion::V4, policy("PUT")).body(xml)).await
}

fn naming(json: &str) -> String {
    STANDARD.encode(json)
}

#[tokio::test]
async fn a_policy_is_put_read_and_removed() {
    let world = World::new().await;
    let first = callback("http://127.0.0.1:1/").encode();
    let second = naming(r#"{"callbackUrl":"www.abc.com/callback","callbackBody":"${etag}"}"#);
    let vars = encode_vars(&own(&[("x:var1", "value1")]));
    let get = |version| world.signed(version, policy("GET"));
    let missing = refusal(send(get(SignatureVersion::V4)).await).await;
    assert_eq!(missing.summary(), "404 BucketCallbackPolicyNotExist");
    let answer = put(&world, document(&[("test_1", &first, None), ("test_2", &second, Some(&vars))])).await;
    assert_eq!(answer.status(), 200);
    for version in BOTH {
        let xml = text(ok(get(version)).await).await;
        let found: Vec<_> = ["PolicyName", "Callback", "CallbackVar"]
            .iter()
            .map(|name| xml.matches(&format!("<{name}>")).count())
            .collect();
        assert_eq!(found, [2, 2, 1], "{xml}");
        assert!(xml.contains(&format!("<Callback>{second}</Callback>")), "{xml}");
    }
    let deleted = send(world.signed(SignatureVersion::V4, policy("DELETE"))).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(refusal(send(get(SignatureVersion::V4)).await).await.summary(), "404 BucketCallbackPolicyNotExist");
}

#[tokio::test]
async fn a_bad_policy_is_refused_and_the_old_one_stays() {
    let world = World::new().await;
    let good = callback("http://127.0.0.1:1/").encode();
    assert_eq!(put(&world, document(&[("kept", &good, None)])).await.status(), 200);
    let cases = [
        ("no XML".to_owned(), "400 MalformedXML"),
        ("<Other/>".to_owned(), "400 MalformedXML"),
        (document(&[("", &good, None)]), "400 MalformedXML"),
        (document(&[("a", "?", None)]), "400 InvalidArgument"),
        (document(&[("a", &good, Some("?"))]), "400 InvalidArgument"),
        (document(&[("a", &good, None), ("a", &good, None)]), "400 InvalidArgument"),
    ];
    for (xml, expected) in cases {
        assert_eq!(refusal(put(&world, xml.clone()).await).await.summary(), expected, "{xml}");
    }
    let stranger = send(world.signed_by(&uploader(), SignatureVersion::V4, policy("DELETE"))).await;
    assert_eq!(refusal(stranger).await.summary(), "403 AccessDenied");
    let xml = text(ok(world.signed(SignatureVersion::V4, policy("GET"))).await).await;
    assert!(xml.contains("<PolicyName>kept</PolicyName>"), "{xml}");
}

#[tokio::test]
async fn an_upload_names_a_preset_and_need_not_know_it() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let preset = Callback { body: "o=${object}&a=${x:a}&b=${x:b}".to_owned(), ..callback(&receiver.url()) }.encode();
    let vars = encode_vars(&own(&[("x:a", "preset"), ("x:b", "preset")]));
    assert_eq!(put(&world, document(&[("test_2", &preset, Some(&vars))])).await.status(), 200);
    let world = World::in_folder(Arc::clone(&world.stop().await), |_| ()).await;
    let blob = naming(r#"{"callbackPolicy":"test_2"}"#);
    let in_header = presign::put_object(BUCKET, "a", own(&[("x-oss-callback", &blob)]));
    let answer = ok(world.signed(SignatureVersion::V4, in_header).body("x")).await;
    assert_eq!(text(answer).await, GOOD_ANSWER, "also after a restart");
    let form = Form::new(&world, SignatureVersion::V4, "b", vec![], &[("callback", &blob), ("x:b", "own")]);
    assert_eq!(world.post(&form).await.status(), 200);
    let own_body = naming(r#"{"callbackPolicy":"test_2","callbackBody":"mine=${size}"}"#);
    let put = presign::put_object(BUCKET, "c", own(&[("x-oss-callback", &own_body)]));
    assert_eq!(send(world.signed(SignatureVersion::V4, put).body("x")).await.status(), 200);
    let bodies: Vec<_> = receiver.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, ["o=a&a=preset&b=preset", "o=b&a=preset&b=own", "mine=1"]);
    let unknown = naming(r#"{"callbackPolicy":"test_3"}"#);
    let put = presign::put_object(BUCKET, "d", own(&[("x-oss-callback", &unknown)]));
    let refused = refusal(send(world.signed(SignatureVersion::V4, put).body("x")).await).await;
    assert_eq!(refused.summary(), "404 BucketCallbackPolicyNotExist");
    assert_eq!(world.keys(BUCKET).await.len(), 3);
}

fn trigger(key: &str) -> SignableRequest {
    let mut request = SignableRequest::object("POST", BUCKET, key);
    request.query = own(&[("x-oss-process", "")]);
    request
}

#[tokio::test]
async fn a_callback_is_triggered_for_what_is_there() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    world.store("there", "123456789").await;
    let order = Callback { body: "o=${object}&s=${size}&a=${x:a}".to_owned(), ..callback(&receiver.url()) }.encode();
    let vars = encode_vars(&own(&[("x:a", "1")]));
    for version in BOTH {
        for vars in ["", &vars] {
            let body = format!("x-oss-process=trigger/callback,callback_{order},callback-var_{vars}");
            let answer = ok(world.signed(version, trigger("there")).body(body)).await;
            assert_eq!(header(&answer, "content-type").as_deref(), Some("application/json"));
            assert_eq!(text(answer).await, GOOD_ANSWER);
        }
    }
    let bodies: Vec<_> = receiver.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, ["o=there&s=9&a=", "o=there&s=9&a=1", "o=there&s=9&a=", "o=there&s=9&a=1"]);
    let failing = callback("http://127.0.0.1:1/").encode();
    let body = format!("x-oss-process=trigger/callback,callback_{failing},callback-var_");
    let answer = send(world.signed(SignatureVersion::V4, trigger("there")).body(body.clone())).await;
    assert_eq!(refusal(answer).await.summary(), "203 CallbackFailed");
    let cases = [
        ("none", body.as_str(), "404 NoSuchKey"),
        ("there", "x-oss-process=trigger/callback", "400 InvalidArgument"),
        ("there", "x-oss-process=trigger/callback,callback_e30=", "400 InvalidArgument"),
        ("there", "x-oss-process=trigger/callback,callback_?", "400 InvalidArgument"),
        ("there", "x-oss-process=image/resize,w_100", "501 NotImplemented"),
    ];
    for (key, body, expected) in cases {
        let answer = send(world.signed(SignatureVersion::V4, trigger(key)).body(body.to_owned())).await;
        assert_eq!(refusal(answer).await.summary(), expected, "{key} {body}");
    }
}
