//! The client of OSS's own sample: it asks its app server for a form, and uploads under names of its own.

use reqwest::{Method, RequestBuilder, multipart};
use serde_json::Value;

use super::{Client, service::send, upload::ATTEMPTS};
use crate::facts::{Promise, plain_id};

/// How many files go into a directory.
const FILES: usize = 3;

impl Client {
    /// Uploads some files into one directory, and never asks again.
    pub(super) async fn fill_directory(&mut self, ask: &str) {
        let request = self.request(Method::GET, "/compat/appserver?profile=folder");
        let Some(answer) = self.persist("appserver", request).await else { return };
        let form = answer.json();
        let Some(dir) = form["dir"].as_str().map(str::to_owned) else {
            return self.diary.surprise(format!("asked for a directory: {}", answer.text()));
        };
        let id = plain_id(dir.trim_end_matches('/').rsplit('/').next().unwrap());
        self.diary.write(Promise::Issued { id: id.clone(), key: dir.clone(), ask: String::new() });
        for number in 0..FILES {
            self.put_into(&id, &form, &format!("{dir}{number}.txt"), &format!("file {number} of {ask}")).await;
        }
    }

    async fn put_into(&mut self, id: &str, form: &Value, key: &str, content: &str) {
        for _ in 0..ATTEMPTS {
            let Some(answer) = send(self.sample_form(form, key, content)).await else {
                self.pause().await;
                continue;
            };
            match answer.status.as_u16() {
                200 => {
                    let told = answer.json();
                    let etag = told["etag"].as_str().unwrap_or_default().to_owned();
                    self.diary.write(Promise::Stored { id: id.to_owned(), key: key.to_owned(), etag });
                }
                // Stored, and OSS could not call back.
                203 => {}
                500.. => {
                    self.pause().await;
                    continue;
                }
                _ => self.diary.surprise(format!("upload of {key}: {}", answer.text())),
            }
            return self.count_upload();
        }
    }

    /// The fields of the sample, in its order.
    fn sample_form(&self, form: &Value, key: &str, content: &str) -> RequestBuilder {
        let text = |member: &str| form[member].as_str().unwrap_or_else(|| panic!("no {member} in {form}")).to_owned();
        let fields = [
            ("key", key.to_owned()),
            ("policy", text("policy")),
            ("OSSAccessKeyId", text("accessid")),
            ("success_action_status", "200".to_owned()),
            ("callback", text("callback")),
            ("signature", text("signature")),
        ];
        let fields = fields.into_iter().fold(multipart::Form::new(), |form, (name, value)| form.text(name, value));
        let file = multipart::Part::bytes(content.as_bytes().to_vec()).file_name("file.txt");
        self.http.post(text("host")).multipart(fields.part("file", file))
    }
}
