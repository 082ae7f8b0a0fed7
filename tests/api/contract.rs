//! The OpenAPI document as a contract: whatever a test is answered below `/v1` and `/compat` must be in it.

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::Value;

use crate::harness::Answer;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(oss_valet::http::openapi::document(None)).unwrap());

/// Fails when the document does not know of such an answer.
pub(crate) fn hold(method: &Method, path: &str, answer: &Answer) {
    let Some((pattern, item)) = item_of(path) else { return };
    // The same but for the body; preflights are the browser's.
    if method == Method::HEAD || method == Method::OPTIONS {
        return;
    }
    // The other listener has no such route at all.
    if answer.status == 404 && answer.json()["detail"] == "no such path" {
        return;
    }
    let Some(operation) = item.get(method.as_str().to_lowercase()) else {
        return assert_eq!(answer.status, 405, "{method} {pattern} is not documented");
    };
    let status = answer.status.as_u16().to_string();
    let response = resolved(&operation["responses"][&status]);
    assert!(response.is_object(), "{method} {pattern} answers {status}, which is not documented: {}", answer.text());
    let Some(contents) = response["content"].as_object() else {
        return assert_eq!(answer.body, b"", "{method} {pattern} {status} has a body");
    };
    let content = &contents.get(&answer.header("content-type")).unwrap_or_else(|| {
        panic!("{method} {pattern} {status} is {}, which is not documented", answer.header("content-type"))
    });
    if answer.status.is_client_error() || answer.status.is_server_error() {
        let code = answer.code();
        let codes = content["examples"].as_object().unwrap();
        assert!(codes.contains_key(&code), "{method} {pattern} answers {status} {code}, which is not documented");
    }
}

/// The path's operations. Of two patterns that fit, the one with more words counts.
fn item_of(path: &str) -> Option<(&'static String, &'static Value)> {
    let parameters = |pattern: &str| pattern.matches('{').count();
    let fits = |pattern: &str| {
        let (mut given, mut wanted) = (path.split('/'), pattern.split('/'));
        given.clone().count() == wanted.clone().count()
            && wanted.all(|segment| {
                given.next().is_some_and(|word| segment == word || (segment.starts_with('{') && !word.is_empty()))
            })
    };
    let items = DOCUMENT["paths"].as_object().unwrap().iter();
    let ours = items.filter(|(pattern, _)| pattern.starts_with("/v1/") || pattern.starts_with("/compat/"));
    ours.filter(|(pattern, _)| fits(pattern)).min_by_key(|(pattern, _)| parameters(pattern))
}

/// What a `$ref` means.
fn resolved(value: &'static Value) -> &'static Value {
    let target = value["$ref"].as_str().and_then(|reference| DOCUMENT.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(value)
}
