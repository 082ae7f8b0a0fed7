//! Reading a `callback` blob as OSS reads it, with its refusals (P§1.2, P§1.7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Callback, CallbackBodyType, InvalidCallback, MAX_BLOB_BYTES, MAX_URLS};

/// Most additional headers (P§1.2).
const MAX_ADDITIONAL_HEADERS: usize = 10;
/// Header names that `additionalHeaders` may not set (P§1.2).
const RESERVED_HEADERS: [&str; 9] = [
    "content-type",
    "content-length",
    "host",
    "authorization",
    "user-agent",
    "content-md5",
    "expect",
    "upgrade",
    "keep-alive",
];

pub(super) fn fields(base64: &str) -> Result<Map<String, Value>, InvalidCallback> {
    if base64.len() > MAX_BLOB_BYTES {
        return refuse("The length of callback exceed max value.", None);
    }
    let Ok(json) = STANDARD.decode(base64) else {
        return refuse("The callback configuration is not base64 encoded.", Some("0007-00000002"));
    };
    serde_json::from_slice(&json).or_else(|_| refuse("The callback configuration is not json format.", None))
}

pub(super) fn callback(fields: &Map<String, Value>) -> Result<Callback, InvalidCallback> {
    let urls = urls(fields.get("callbackUrl"))?;
    if urls.is_empty() {
        return Ok(Callback::default());
    }
    let host = host(fields.get("callbackHost"))?;
    let body = body(fields.get("callbackBody"))?;
    let body_type = body_type(fields.get("callbackBodyType"))?;
    let sni = match fields.get("callbackSNI") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(sni)) => *sni,
        Some(_) => return refuse("The callback configuration is not json format.", None),
    };
    if fields.get("signatureVersion").is_some_and(|version| version != "1.0") {
        return refuse("The callback signature version is invalid.", None);
    }
    let additional_headers = additional_headers(fields.get("additionalHeaders"))?;
    Ok(Callback { urls, host, body, body_type, sni, additional_headers })
}

fn refuse<T>(message: &'static str, ec: Option<&'static str>) -> Result<T, InvalidCallback> {
    Err(InvalidCallback { message, ec, argument: "callback" })
}

/// None at all when there is no `callbackUrl`, or an empty one.
fn urls(value: Option<&Value>) -> Result<Vec<String>, InvalidCallback> {
    const INVALID: &str = "The callback url configuration is invalid.";
    let text = match value {
        None | Some(Value::Null) => return Ok(vec![]),
        Some(Value::String(text)) if text.is_empty() => return Ok(vec![]),
        Some(Value::String(text)) => text,
        Some(_) => return refuse(INVALID, Some("0007-00000004")),
    };
    // OSS's own examples end in `;`.
    let urls: Vec<&str> = text.strip_suffix(';').unwrap_or(text).split(';').collect();
    if urls.len() > MAX_URLS {
        return refuse("The number of callback url exceed max value.", Some("0007-00000005"));
    }
    if !urls.iter().all(|url| is_url(url)) {
        return refuse(INVALID, Some("0007-00000004"));
    }
    Ok(urls.into_iter().map(str::to_owned).collect())
}

/// `[http[s]://]host[:port][/…]`, printable ASCII: anything else must be percent-encoded (P§1.2).
fn is_url(url: &str) -> bool {
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let scheme = |prefix: &str| url.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let rest = ["http://", "https://"].iter().find(|s| scheme(s)).map_or(url, |s| &url[s.len()..]);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    is_authority(&rest[..end])
}

/// A name or IPv4 address, with or without a port; IPv6 is unsupported by OSS (P§1.2).
fn is_authority(text: &str) -> bool {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let is_port =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_name && port.is_none_or(is_port)
}

fn host(value: Option<&Value>) -> Result<Option<String>, InvalidCallback> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(host)) if host.is_empty() => Ok(None),
        Some(Value::String(host)) if is_authority(host) => Ok(Some(host.clone())),
        Some(_) => refuse("The callback host configuration is invalid.", None),
    }
}

fn body(value: Option<&Value>) -> Result<String, InvalidCallback> {
    match value {
        None | Some(Value::Null) => refuse("The callback body is empty.", Some("0007-00000011")),
        Some(Value::String(body)) if body.is_empty() => refuse("The callback body is empty.", Some("0007-00000011")),
        Some(Value::String(body)) if !body.contains("$(") => Ok(body.clone()),
        Some(_) => refuse("The callback body is invalid.", None),
    }
}

fn body_type(value: Option<&Value>) -> Result<CallbackBodyType, InvalidCallback> {
    match value {
        None | Some(Value::Null) => Ok(CallbackBodyType::default()),
        Some(Value::String(name)) => [CallbackBodyType::Form, CallbackBodyType::Json]
            .into_iter()
            .find(|body_type| body_type.as_str() == name)
            .map_or_else(|| refuse("The body type of callback is not supported.", None), Ok),
        Some(_) => refuse("The callback body type configuration is invalid.", None),
    }
}

fn additional_headers(value: Option<&Value>) -> Result<Vec<(String, String)>, InvalidCallback> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !name.starts_with("x-oss-")
            && !RESERVED_HEADERS.contains(&name)
    };
    let is_value = |value: &str| !value.bytes().any(|b| b.is_ascii_control());
    let read = |(name, value): (&String, &Value)| {
        let value = value.as_str().filter(|value| is_name(name) && is_value(value))?;
        Some((name.clone(), value.to_owned()))
    };
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(vec![]) };
    let headers = value.as_object().filter(|headers| headers.len() <= MAX_ADDITIONAL_HEADERS);
    headers
        .and_then(|headers| headers.iter().map(read).collect())
        .map_or_else(|| refuse("The callback additional headers configuration is invalid.", Some("0007-00000026")), Ok)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn decode(json: &Value) -> Result<Callback, InvalidCallback> {
        Callback::decode(&STANDARD.encode(json.to_string()))
    }

    fn with(name: &str, value: Value) -> Value {
        let mut json = json!({"callbackUrl": "https://a.example/cb", "callbackBody": "bucket=${bucket}"});
        json[name] = value;
        json
    }

    #[test]
    fn a_callback_is_compact_json_in_official_order() {
        let callback = Callback {
            additional_headers: vec![("key1".to_owned(), "val1".to_owned())],
            urls: vec!["https://a.example/cb?x=1&y".to_owned(), "http://b.example".to_owned()],
            host: Some("a.example".to_owned()),
            body: "{\"b\":${bucket}}".to_owned(),
            body_type: CallbackBodyType::Json,
            sni: true,
        };
        let json = r#"{"callbackUrl":"https://a.example/cb?x=1&y;http://b.example","callbackHost":"a.example","callbackBody":"{\"b\":${bucket}}","callbackBodyType":"application/json","callbackSNI":true,"additionalHeaders":{"key1":"val1"}}"#;
        assert_eq!(callback.encode(), STANDARD.encode(json));
        assert_eq!(Callback::decode(&callback.encode()), Ok(callback));
    }

    #[test]
    fn what_oss_accepts_is_decoded() {
        let cases = [
            ("no scheme", with("callbackUrl", json!("121.101.166.30/test.php"))),
            ("a port and no scheme", with("callbackUrl", json!("121.43.113.8:23456/index.html"))),
            ("a scheme inside the query", with("callbackUrl", json!("a.example?next=ftp://x"))),
            ("a trailing semicolon", with("callbackUrl", json!("http://a;http://b;"))),
            ("upper-case scheme", with("callbackUrl", json!("HTTPS://a.example"))),
            ("a host with a port", with("callbackHost", json!("a.example:8080"))),
            ("an empty host", with("callbackHost", json!(""))),
            ("signature version 1.0", with("signatureVersion", json!("1.0"))),
            ("additional headers", with("additionalHeaders", json!({"key1": "val1"}))),
            ("no url: the rest is not looked at", json!({"callbackBody": 1, "signatureVersion": "9"})),
            ("an empty url", with("callbackUrl", json!(""))),
            ("a constant body", with("callbackBody", json!("$%24%7Bobject%7D"))),
            ("a field we don't know", with("somethingNew", json!(1))),
        ];
        for (what, json) in cases {
            assert!(decode(&json).is_ok(), "{what}: {:?}", decode(&json));
        }
    }

    #[test]
    fn what_oss_refuses_is_refused_in_its_words() {
        let url = |url: &str| with("callbackUrl", json!(url));
        let bad_url = ("The callback url configuration is invalid.", Some("0007-00000004"));
        let bad_headers = ("The callback additional headers configuration is invalid.", Some("0007-00000026"));
        let empty_body = ("The callback body is empty.", Some("0007-00000011"));
        let many: Map<String, Value> = (0..11).map(|i| (format!("h{i}"), json!(""))).collect();
        let cases = [
            ("no object", json!([]), ("The callback configuration is not json format.", None)),
            ("url of another type", with("callbackUrl", json!(1)), bad_url),
            ("port is no number", url("www.callback-example.com:test"), bad_url),
            ("port 0", url("http://a:0/"), bad_url),
            ("empty port", url("http://a:/"), bad_url),
            ("port too large", url("http://a:65536/"), bad_url),
            ("another scheme", url("ftp://a/"), bad_url),
            ("no host", url("http:///cb"), bad_url),
            ("user information", url("http://u@a/"), bad_url),
            ("IPv6", url("http://[::1]/"), bad_url),
            ("not ASCII", url("http://a/中文.php"), bad_url),
            ("a blank", url("http://a/b c"), bad_url),
            ("an empty url among others", url("http://a;;http://b"), bad_url),
            ("six urls", url("a;b;c;d;e;f"), ("The number of callback url exceed max value.", Some("0007-00000005"))),
            ("host", with("callbackHost", json!("a b")), ("The callback host configuration is invalid.", None)),
            (
                "host with a path",
                with("callbackHost", json!("a/b")),
                ("The callback host configuration is invalid.", None),
            ),
            ("empty body", with("callbackBody", json!("")), empty_body),
            ("no body", with("callbackBody", Value::Null), empty_body),
            ("$(…)", with("callbackBody", json!("a=$(object)")), ("The callback body is invalid.", None)),
            ("body object", with("callbackBody", json!({})), ("The callback body is invalid.", None)),
            (
                "type",
                with("callbackBodyType", json!("text/plain")),
                ("The body type of callback is not supported.", None),
            ),
            (
                "type number",
                with("callbackBodyType", json!(1)),
                ("The callback body type configuration is invalid.", None),
            ),
            ("SNI text", with("callbackSNI", json!("true")), ("The callback configuration is not json format.", None)),
            ("version", with("signatureVersion", json!("2.0")), ("The callback signature version is invalid.", None)),
            ("header list", with("additionalHeaders", json!(["a"])), bad_headers),
            ("x-oss- header", with("additionalHeaders", json!({"x-oss-test": "1"})), bad_headers),
            ("reserved header", with("additionalHeaders", json!({"host": "1"})), bad_headers),
            ("a header that breaks out", with("additionalHeaders", json!({"a": "1\r\nb: 2"})), bad_headers),
            ("upper-case header", with("additionalHeaders", json!({"Key": "1"})), bad_headers),
            ("eleven headers", with("additionalHeaders", Value::Object(many)), bad_headers),
        ];
        for (what, json, (message, ec)) in cases {
            assert_eq!(decode(&json), Err(InvalidCallback { message, ec, argument: "callback" }), "{what}");
        }
        let not_base64 = Callback::decode("x123-*&").unwrap_err();
        assert_eq!(not_base64.ec, Some("0007-00000002"));
        assert_eq!(not_base64.to_string(), "The callback configuration is not base64 encoded.");
        let long = Callback::decode(&"A".repeat(MAX_BLOB_BYTES + 4)).unwrap_err();
        assert_eq!(long.to_string(), "The length of callback exceed max value.");
    }

    #[test]
    fn a_preset_of_the_bucket_is_what_the_client_left_open() {
        let preset = STANDARD.encode(with("callbackHost", json!("preset.example")).to_string());
        let sent = STANDARD.encode(r#"{"callbackPolicy":"p","callbackBody":"own"}"#);
        assert_eq!(Callback::preset_name(&sent), Ok(Some("p".to_owned())));
        assert_eq!(Callback::preset_name(&preset), Ok(None));
        let callback = Callback::decode_over(&preset, &sent).unwrap();
        assert_eq!((callback.host.as_deref(), callback.body.as_str()), (Some("preset.example"), "own"));
        assert_eq!(callback.urls, ["https://a.example/cb"]);
    }

    proptest! {
        #[test]
        fn decoding_an_encoded_callback_gives_it_back(
            urls in proptest::collection::vec("(https?://)?[a-z0-9.-]{1,9}(:[1-9][0-9]{0,3})?(/[!-:<-~]{0,9})?", 1..=5),
            host in proptest::option::of("[a-z.]{1,9}"),
            body in "[^$\\(]\\PC{0,30}[$]\\{\\PC{0,30}",
            json: bool,
            sni: bool,
            additional_headers in proptest::collection::btree_map("[a-w][a-d0-9]{0,5}", "[ -~]{0,9}", 0..=10),
        ) {
            prop_assume!(!body.contains("$("));
            let body_type = if json { CallbackBodyType::Json } else { CallbackBodyType::Form };
            let additional_headers = additional_headers.into_iter().collect();
            let callback = Callback { urls, host, body, body_type, sni, additional_headers };
            prop_assert_eq!(Callback::decode(&callback.encode()), Ok(callback));
        }

        #[test]
        fn no_text_makes_decoding_panic(text in any::<String>()) {
            let _ = (Callback::decode(&text), Callback::decode(&STANDARD.encode(&text)));
        }
    }
}
