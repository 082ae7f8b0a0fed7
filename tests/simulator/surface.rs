//! Short ways to say a request and to read what came of it.

use oss_valet::oss::{
    access_key::AccessKey,
    encoding::decode_query,
    request::{SignableRequest, SignatureVersion},
    xml::Element,
};
use reqwest::Response;

use crate::harness::{BUCKET, World, header, own, owner, refusal, send, text};

/// `PUT key?query` to the unversioned bucket; `query` as it stands in a URL.
pub(crate) fn request(method: &str, key: &str, query: &str, headers: &[(&str, &str)]) -> SignableRequest {
    let query = decode_query(query).expect("UTF-8");
    SignableRequest { query, headers: own(headers), ..SignableRequest::object(method, BUCKET, key) }
}

impl World {
    /// The owner's request.
    pub(crate) async fn call(&self, request: SignableRequest, body: &str) -> Response {
        self.call_as(&owner(), request, body).await
    }

    /// Somebody's request.
    pub(crate) async fn call_as(&self, key: &AccessKey, request: SignableRequest, body: &str) -> Response {
        let has_body = ["PUT", "POST"].contains(&request.method.as_str());
        let signed = self.signed_by(key, SignatureVersion::V4, request).body(body.to_owned());
        // Of an empty body the client would say nothing; SDKs say how long it is.
        send(if has_body && body.is_empty() { signed.header("content-length", "0") } else { signed }).await
    }

    /// The owner's GET.
    pub(crate) async fn read(&self, key: &str, query: &str) -> String {
        text(self.call(request("GET", key, query, &[]), "").await).await
    }

    /// A GET that nobody signed.
    pub(crate) async fn anonymous(&self, path: &str) -> Response {
        send(self.client.get(format!("{}/{BUCKET}/{path}", self.url))).await
    }
}

/// `200`, or `404 NoSuchKey`.
pub(crate) async fn outcome(response: Response) -> String {
    let status = response.status();
    if status.is_success() || status == 304 { status.as_u16().to_string() } else { refusal(response).await.summary() }
}

/// The answer's document.
pub(crate) async fn xml(response: Response) -> Element {
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type").as_deref(), Some("application/xml"));
    let text = text(response).await;
    Element::parse(&text).unwrap_or_else(|| panic!("no XML: {text}"))
}

/// The texts of `outer/inner`, in order.
pub(crate) fn texts(root: &Element, outer: &str, inner: &str) -> Vec<String> {
    root.children_named(outer).map(|child| child.child_text(inner).unwrap_or_default().to_owned()).collect()
}
