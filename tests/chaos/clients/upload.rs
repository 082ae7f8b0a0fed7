//! How the bytes get into OSS, in each of the four ways.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use oss_valet::{
    clock::{Clock as _, SystemClock},
    oss::{
        access_key::AccessKey,
        endpoint::{AddressingStyle, Endpoint},
        presign::{self, SigningContext},
        request::SignatureVersion,
    },
};
use reqwest::{Method, RequestBuilder, multipart};
use serde_json::Value;

use super::{
    Client, Doubt,
    service::{Answer, send},
};

/// How often an upload is tried.
const ATTEMPTS: usize = 5;
/// Every part but the last; OSS's smallest.
const PART_BYTES: usize = 100 * 1024;

impl Client {
    /// Uploads, and where it is not clear whether that counts, asks or shrugs.
    pub(super) async fn bring(&mut self, grant: &Value, content: &[u8], doubt: Doubt) {
        if grant["method"] == "multipart" {
            if self.send_parts(grant, content).await {
                // Whoever shrugs here has not joined his parts: no object, nothing to be lost.
                if doubt == Doubt::Asks {
                    self.complete(grant).await;
                }
            }
            return;
        }
        if !self.is_usable(grant) {
            return;
        }
        let mut is_certain = false;
        for _ in 0..ATTEMPTS {
            let Some(answer) = send(self.upload(grant, content)).await else {
                self.pause().await;
                continue;
            };
            match answer.status.as_u16() {
                200 => {
                    let told = answer.json();
                    self.believe(&told, &told["etag"]);
                    is_certain = true;
                }
                // Stored, and OSS could not call back; or stored by an attempt whose answer was lost.
                203 | 409 => {}
                500.. => {
                    self.pause().await;
                    continue;
                }
                _ => self.unexpected(grant, &answer),
            }
            self.count_upload();
            break;
        }
        if !is_certain && doubt == Doubt::Asks {
            self.complete(grant).await;
        }
    }

    fn count_upload(&self) {
        self.diary.pages.lock().unwrap().uploads += 1;
    }

    fn unexpected(&self, grant: &Value, answer: &Answer) {
        self.diary.surprise(format!("upload under {}: {}", grant["id"], answer.text()));
    }

    /// Whether there is something to upload with: a repeated question may be answered after the grant has ended.
    fn is_usable(&self, grant: &Value) -> bool {
        let usable = !grant["request"].is_null() || !grant["credentials"].is_null();
        let ends: DateTime<Utc> = grant["expires_at"].as_str().unwrap().parse().unwrap();
        if !usable && grant["state"] == "issued" && ends > SystemClock.now() {
            self.diary.surprise(format!("an open grant without a request: {grant}"));
        }
        usable
    }

    /// What uploads under the grant, as it says.
    pub(super) fn upload(&self, grant: &Value, content: &[u8]) -> RequestBuilder {
        if grant["method"] == "sts" {
            return self.by_session(grant, content);
        }
        let request = &grant["request"];
        let url = request["url"].as_str().unwrap();
        if request["method"] == "PUT" {
            let put = self.http.put(url).body(content.to_vec());
            return pairs(&request["headers"]).fold(put, |put, (name, value)| put.header(name, value));
        }
        let form = pairs(&request["fields"]).fold(multipart::Form::new(), |form, (name, value)| form.text(name, value));
        self.http.post(url).multipart(form.part("file", multipart::Part::bytes(content.to_vec())))
    }

    /// A PUT signed with the grant's temporary credentials, as SDKs make it.
    fn by_session(&self, grant: &Value, content: &[u8]) -> RequestBuilder {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{grant}")).to_owned();
        let credentials = &grant["credentials"];
        let key = AccessKey::new(text(&credentials["access_key_id"]), text(&credentials["access_key_secret"]));
        let key = key.with_security_token(text(&credentials["security_token"]));
        let headers = vec![
            ("Content-Type".to_owned(), text(&grant["content_type"])),
            ("x-oss-callback".to_owned(), text(&grant["callback"]["callback"])),
            ("x-oss-callback-var".to_owned(), text(&grant["callback"]["callback_var"])),
            ("x-oss-forbid-overwrite".to_owned(), "true".to_owned()),
        ];
        let put = presign::put_object(&text(&grant["bucket"]), &text(&grant["key"]), headers);
        let endpoint = Endpoint::parse(&self.oss, AddressingStyle::Path).unwrap();
        let region = text(&grant["region"]);
        let context = SigningContext {
            version: SignatureVersion::V4,
            endpoint: &endpoint,
            region: &region,
            key: &key,
            signing_key: None,
            now: SystemClock.now(),
        };
        let signed = presign::sign_headers(put, &[], &context);
        let headers = signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
        let put = self.http.request(Method::PUT, &signed.url).body(content.to_vec());
        headers.fold(put, |put, (name, value)| put.header(name, value))
    }

    /// Two parts; whether OSS has both.
    async fn send_parts(&mut self, grant: &Value, content: &[u8]) -> bool {
        let parts = [vec![b'p'; PART_BYTES], content.to_vec()];
        let Some(urls) = self.sign_parts(grant, &[1, 2]).await else { return false };
        for (url, part) in urls.iter().zip(parts) {
            let Some(answer) = self.send_part(url, part).await else { return false };
            match answer.status.as_u16() {
                200 => {}
                // Aborted meanwhile: cancelled or expired.
                404 => return false,
                _ => {
                    self.unexpected(grant, &answer);
                    return false;
                }
            }
        }
        self.count_upload();
        true
    }

    async fn send_part(&mut self, url: &str, part: Vec<u8>) -> Option<Answer> {
        for _ in 0..ATTEMPTS {
            match send(self.http.put(url).body(part.clone())).await {
                Some(answer) if !answer.status.is_server_error() => return Some(answer),
                _ => self.pause().await,
            }
        }
        None
    }
}

/// A JSON object of strings.
fn pairs(object: &Value) -> impl Iterator<Item = (String, String)> {
    let pairs: BTreeMap<String, String> = serde_json::from_value(object.clone()).unwrap();
    pairs.into_iter()
}
