//! Callbacks that are refused before anything is stored: 400, and OSS says which argument it means (P§1.7).

use base64::{Engine, engine::general_purpose::STANDARD};
use oss_valet::{
    oss::{callback::encode_vars, presign, request::SignatureVersion, xml::ErrorDocument},
    simulator::SimulatorSettings,
};

use crate::{
    callbacks::callback,
    harness::{BOTH, BUCKET, Form, World, own, refusal, send},
    receiver::Receiver,
};

fn detail<'a>(document: &'a ErrorDocument, name: &str) -> Option<&'a str> {
    document.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// `[message, EC]` of every way in which a configuration can be wrong, with the JSON that shows it.
fn configurations() -> Vec<(String, &'static str, Option<&'static str>)> {
    const URL: &str = "The callback url configuration is invalid.";
    const HOST: &str = "The callback host configuration is invalid.";
    const HEADERS: &str = "The callback additional headers configuration is invalid.";
    let with = |name: &str, value: &str| {
        let mut json = serde_json::json!({"callbackUrl": "http://127.0.0.1:1/", "callbackBody": "a"});
        json[name] = serde_json::from_str(value).expect("JSON");
        STANDARD.encode(json.to_string())
    };
    let eleven: Vec<_> = (0..11).map(|n| format!(r#""h{n}":"""#)).collect();
    let six = ["http://127.0.0.1/"; 6].join(";");
    vec![
        ("x123-*&".to_owned(), "The callback configuration is not base64 encoded.", Some("0007-00000002")),
        (STANDARD.encode("error argument"), "The callback configuration is not json format.", None),
        (STANDARD.encode("[]"), "The callback configuration is not json format.", None),
        ("A".repeat(5 * 1024 + 4), "The length of callback exceed max value.", None),
        (with("callbackUrl", r#""www.callback-example.com:test""#), URL, Some("0007-00000004")),
        (with("callbackUrl", r#""ftp://127.0.0.1/""#), URL, Some("0007-00000004")),
        (with("callbackUrl", "1"), URL, Some("0007-00000004")),
        (
            with("callbackUrl", &format!("\"{six}\"")),
            "The number of callback url exceed max value.",
            Some("0007-00000005"),
        ),
        (with("callbackHost", r#""a/b""#), HOST, None),
        (with("callbackHost", "1"), HOST, None),
        (with("callbackBody", r#""""#), "The callback body is empty.", Some("0007-00000011")),
        (with("callbackBody", r#""object=$(object)""#), "The callback body is invalid.", None),
        (with("callbackBodyType", r#""text/plain""#), "The body type of callback is not supported.", None),
        (with("callbackBodyType", "1"), "The callback body type configuration is invalid.", None),
        (with("callbackSNI", r#""true""#), "The callback configuration is not json format.", None),
        (with("signatureVersion", r#""2.0""#), "The callback signature version is invalid.", None),
        (with("signatureVersion", r#""3""#), "The callback signature version is invalid.", None),
        (with("additionalHeaders", r#"{"x-oss-test":"1"}"#), HEADERS, Some("0007-00000026")),
        (with("additionalHeaders", r#"{"Key":"1"}"#), HEADERS, Some("0007-00000026")),
        (with("additionalHeaders", r#"{"content-type":"1"}"#), HEADERS, Some("0007-00000026")),
        (with("additionalHeaders", r#"["key1"]"#), HEADERS, Some("0007-00000026")),
        (with("additionalHeaders", &format!("{{{}}}", eleven.join(","))), HEADERS, Some("0007-00000026")),
    ]
}

#[tokio::test]
async fn a_bad_configuration_is_refused_however_it_comes() {
    let world = World::new().await;
    for (blob, message, ec) in configurations() {
        for version in BOTH {
            let in_header = presign::put_object(BUCKET, "a", own(&[("x-oss-callback", &blob)]));
            let mut in_query = presign::put_object(BUCKET, "a", vec![]);
            in_query.query = own(&[("callback", &blob)]);
            let form = Form::new(&world, version, "a", vec![], &[("callback", &blob)]);
            let answers = [
                send(world.signed(version, in_header).body("x")).await,
                send(world.signed(version, in_query).body("x")).await,
                world.post(&form).await,
            ];
            for answer in answers {
                let refused = refusal(answer).await;
                assert_eq!(refused.summary(), "400 InvalidArgument", "{message}");
                assert_eq!((refused.document.message.as_str(), refused.document.ec.as_deref()), (message, ec));
                assert_eq!(detail(&refused.document, "ArgumentName"), Some("callback"), "{message}");
                assert_eq!(detail(&refused.document, "ArgumentValue"), Some(blob.as_str()), "{message}");
            }
        }
    }
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
}

#[tokio::test]
async fn bad_variables_are_refused() {
    let world = World::new().await;
    let good = callback("http://127.0.0.1:1/").encode();
    let no_json = ("The callback var is not expecten json.", None);
    let long = encode_vars(&own(&[("x:a", &"v".repeat(5 * 1024))]));
    let cases = [
        (STANDARD.encode("[]"), no_json),
        ("*".to_owned(), no_json),
        (STANDARD.encode(r#"{"a":"1"}"#), no_json),
        (STANDARD.encode(r#"{"x:A":"1"}"#), no_json),
        (STANDARD.encode(r#"{"x:a":1}"#), no_json),
        (long, ("The length of callback var exceed max value.", Some("0007-00000101"))),
    ];
    for (vars, (message, ec)) in cases {
        let headers = own(&[("x-oss-callback", &good), ("x-oss-callback-var", &vars)]);
        let put = presign::put_object(BUCKET, "a", headers);
        let refused = refusal(send(world.signed(SignatureVersion::V4, put).body("x")).await).await;
        assert_eq!(refused.summary(), "400 InvalidArgument");
        assert_eq!((refused.document.message.as_str(), refused.document.ec.as_deref()), (message, ec));
        assert_eq!(detail(&refused.document, "ArgumentName"), Some("callback-var"), "{vars}");
    }
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
}

#[tokio::test]
async fn header_and_query_at_once_are_refused() {
    let world = World::new().await;
    let good = callback("http://127.0.0.1:1/").encode();
    let vars = encode_vars(&own(&[("x:a", "1")]));
    for version in BOTH {
        for (name, value) in [("callback", &good), ("callback-var", &vars)] {
            let mut twice = presign::put_object(BUCKET, "a", own(&[(&format!("x-oss-{name}"), value)]));
            twice.query = own(&[(name, value)]);
            let refused = refusal(send(world.signed(version, twice).body("x")).await).await;
            let message = format!(
                "Either the {name} query string parameter or the x-oss-{name} header should be specified, not both."
            );
            assert_eq!((refused.summary().as_str(), refused.document.message), ("400 InvalidArgument", message));
        }
    }
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
}

async fn address_refusal(change: impl FnOnce(&mut SimulatorSettings), url: &str) -> (String, Option<String>) {
    let world = World::with(change).await;
    let form = Form::new(&world, SignatureVersion::V4, "a", vec![], &[("callback", &callback(url).encode())]);
    let refused = refusal(world.post(&form).await).await;
    assert_eq!(refused.summary(), "400 InvalidArgument", "{url}");
    assert_eq!(detail(&refused.document, "ArgumentName"), Some("callbackUrl"));
    assert_eq!(detail(&refused.document, "ArgumentValue"), Some(url));
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
    (refused.document.message, refused.document.ec)
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_refused() {
    let (message, _) = address_refusal(|_| (), "http://nobody.invalid/").await;
    assert_eq!(message, "Can not get ip by this host.");
}

#[tokio::test]
async fn a_private_address_is_refused_when_the_simulator_is_told_so() {
    let receiver = Receiver::good().await;
    for url in [receiver.url(), "https://metadata.example.com/".to_owned(), "http://192.168.1.1".to_owned()] {
        let change = |settings: &mut SimulatorSettings| {
            settings.refuse_private_callbacks = true;
            let address = "100.100.100.200".parse().expect("an address");
            settings.callback_hosts = [("metadata.example.com".to_owned(), address)].into();
        };
        let (message, ec) = address_refusal(change, &url).await;
        assert_eq!(message, "Private address is forbidden to callback.");
        assert_eq!(ec.as_deref(), Some("0007-00000008"));
    }
    assert_eq!(receiver.requests().len(), 0);
}
