//! The requests that are sent, signed with V4 beforehand: each its own key.

use std::net::SocketAddr;

use oss_valet::oss::{
    callback::{Callback, CallbackBodyType},
    presign,
    request::SignableRequest,
};

use crate::large::{BUCKET, FORM_TAIL, FORM_TYPE, Process};

/// What is uploaded: small, and no image.
const BODY: &str =
    "0123456789abcdefghijklmnopqrstuvwxyz of a small file, as small as the files of many applications are.\n";

/// Makes requests for a running simulator.
pub(crate) struct Requests<'a> {
    pub(crate) simulator: &'a Process,
    /// Who is called back.
    pub(crate) receiver: SocketAddr,
}

impl Requests<'_> {
    /// `host:port` of the simulator.
    pub(crate) fn authority(&self) -> &str {
        self.simulator.url().trim_start_matches("http://")
    }

    /// For the one thing that is always the same.
    pub(crate) fn fixed(&self) -> Vec<u8> {
        let host = self.authority();
        format!("GET /callback_pub_key_v1.pem HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes()
    }

    pub(crate) fn posts(&self, count: usize, with_callback: bool) -> Vec<Vec<u8>> {
        let callback = self.callback().encode();
        let mut fields = vec![
            ("success_action_status", "200"),
            ("x-oss-content-type", "text/plain"),
            ("x-oss-forbid-overwrite", "true"),
            ("x-oss-meta-owner", "u-42"),
        ];
        if with_callback {
            fields.push(("callback", &callback));
        }
        let folder = if with_callback { "called" } else { "posted" };
        let form = |number| {
            let head = self.simulator.form_head(&format!("{folder}/{number:06}.txt"), &fields);
            let host = self.authority();
            let length = head.len() + BODY.len() + FORM_TAIL.len();
            format!(
                "POST /{BUCKET}/ HTTP/1.1\r\nhost: {host}\r\ncontent-type: {FORM_TYPE}\r\n\
                 content-length: {length}\r\n\r\n{head}{BODY}{FORM_TAIL}"
            )
            .into_bytes()
        };
        (0..count).map(form).collect()
    }

    pub(crate) fn puts(&self, count: usize, with_callback: bool) -> Vec<Vec<u8>> {
        let folder = if with_callback { "put-called" } else { "put" };
        let mut headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        headers.extend(with_callback.then(|| ("x-oss-callback".to_owned(), self.callback().encode())));
        let key = |number| format!("{folder}/{number:06}.txt");
        (0..count).map(|number| self.text(presign::put_object(BUCKET, &key(number), headers.clone()), BODY)).collect()
    }

    pub(crate) fn heads(&self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.text(presign::head_object(BUCKET, &posted(number)), "")).collect()
    }

    pub(crate) fn gets(&self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.text(presign::get_object(BUCKET, &posted(number)), "")).collect()
    }

    fn callback(&self) -> Callback {
        Callback {
            urls: vec![format!("http://{}/callback", self.receiver)],
            body: r#"{"object":${object},"size":${size},"etag":${etag},"type":${mimeType},"id":${reqId}}"#.to_owned(),
            body_type: CallbackBodyType::Json,
            ..Callback::default()
        }
    }

    /// The signed request as it goes over the wire.
    fn text(&self, request: SignableRequest, body: &str) -> Vec<u8> {
        let signed = presign::sign_headers(request, &[], &self.simulator.context());
        let target = signed.url.strip_prefix(self.simulator.url()).expect("a URL below the endpoint");
        let headers = signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        let (method, host) = (&signed.method, self.authority());
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n{headers}{length}\r\n{body}").into_bytes()
    }
}

fn posted(number: usize) -> String {
    format!("posted/{number:06}.txt")
}
