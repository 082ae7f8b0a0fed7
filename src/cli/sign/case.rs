//! One line of input: what it holds, and what it is answered with.

use std::collections::BTreeMap;

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ordered_json::OrderedJson, post};
use crate::oss::{
    access_key::AccessKey,
    endpoint::{AddressingStyle, Endpoint},
    presign::{self, DateHeader, SignedRequest, SigningContext},
    request::{SignableRequest, SignatureVersion},
};

/// A case as in `tests/vectors/signing.json`, with its kind.
#[derive(Deserialize)]
pub(super) struct Case {
    #[serde(default)]
    id: Value,
    kind: Option<Kind>,
    #[serde(default)]
    version: SignatureVersion,
    #[serde(default)]
    method: String,
    pub(super) bucket: Option<String>,
    key: Option<String>,
    endpoint: Option<CaseEndpoint>,
    #[serde(default)]
    region: String,
    credentials: Credentials,
    now: i64,
    expires_in: Option<i64>,
    headers: Option<BTreeMap<String, Option<String>>>,
    query: Option<BTreeMap<String, Option<String>>>,
    additional_headers: Option<Vec<String>>,
    pub(super) policy: Option<OrderedJson>,
    pub(super) policy_text: Option<String>,
    pub(super) policy_text_given: Option<String>,
    pub(super) file_name: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Presign,
    Header,
    Post,
}

#[derive(Deserialize)]
struct CaseEndpoint {
    url: String,
    #[serde(default)]
    style: AddressingStyle,
}

#[derive(Deserialize)]
struct Credentials {
    access_key_id: String,
    access_key_secret: SecretString,
    security_token: Option<SecretString>,
}

/// The lifetime of a URL whose case names none, seconds; the SDKs' usual one.
const DEFAULT_EXPIRES_IN: i64 = 3600;

/// Signs one line.
pub(super) fn sign_line(line: &str) -> anyhow::Result<Value> {
    let case: Case = serde_json::from_str(line).map_err(|error| anyhow!("not a case: {error}"))?;
    let kind = case.kind.ok_or_else(|| anyhow!("kind is missing: presign, header or post"))?;
    let now = DateTime::from_timestamp(case.now, 0).ok_or_else(|| anyhow!("now is out of range"))?;
    let key = case.credentials.key();
    let endpoint = match (&case.endpoint, kind) {
        (Some(endpoint), _) => {
            Endpoint::parse(&endpoint.url, endpoint.style).map_err(|error| anyhow!("endpoint {error}"))?
        }
        // A form is signed without regard to where it goes.
        (None, Kind::Post) => Endpoint::parse("https://localhost", AddressingStyle::Path)?,
        (None, _) => return Err(anyhow!("endpoint is missing")),
    };
    let context = case.context(&endpoint, &key, now);
    match kind {
        Kind::Presign => Ok(case.presign(&context)?),
        Kind::Header => Ok(case.header(&context)?),
        Kind::Post => post::sign(&case, &context),
    }
}

impl Credentials {
    fn key(&self) -> AccessKey {
        let key = AccessKey::new(&self.access_key_id, self.access_key_secret.expose_secret());
        match &self.security_token {
            Some(token) => key.with_security_token(token.expose_secret()),
            None => key,
        }
    }
}

impl Case {
    fn context<'a>(&'a self, endpoint: &'a Endpoint, key: &'a AccessKey, now: DateTime<Utc>) -> SigningContext<'a> {
        let (version, region) = (self.version, self.region.as_str());
        SigningContext { version, endpoint, region, key, signing_key: None, now }
    }

    fn request(&self) -> anyhow::Result<SignableRequest> {
        if self.method.is_empty() {
            return Err(anyhow!("method is missing"));
        }
        if self.version == SignatureVersion::V4 && self.region.is_empty() {
            return Err(anyhow!("region is missing"));
        }
        Ok(SignableRequest {
            method: self.method.clone(),
            bucket: self.bucket.clone().filter(|bucket| !bucket.is_empty()),
            key: self.key.clone().unwrap_or_default(),
            headers: pairs(self.headers.as_ref()),
            query: pairs(self.query.as_ref()),
        })
    }

    fn additional_headers(&self) -> &[String] {
        self.additional_headers.as_deref().unwrap_or_default()
    }

    /// Signs any lifetime, as the SDKs do: the workbench shows what they sign, also where OSS refuses it.
    fn presign(&self, context: &SigningContext<'_>) -> anyhow::Result<Value> {
        let expires_in = self.expires_in.unwrap_or(DEFAULT_EXPIRES_IN);
        let signed = presign::presign_unchecked(self.request()?, self.additional_headers(), expires_in, context);
        Ok(self.answer(stages(&signed)))
    }

    /// V1 has two forms, with `Date` and with `x-oss-date`: both are shown, and `Date` leads unless the case gives `x-oss-date`.
    fn header(&self, context: &SigningContext<'_>) -> anyhow::Result<Value> {
        let request = self.request()?;
        let leading = if request.header("x-oss-date").is_some() { DateHeader::OssDate } else { DateHeader::Date };
        let sign = |date| presign::sign_headers_dated(request.clone(), self.additional_headers(), date, context);
        let mut answer = self.answer(stages(&sign(leading)));
        if self.version == SignatureVersion::V1 {
            let forms = [("date", DateHeader::Date), ("x-oss-date", DateHeader::OssDate)];
            let forms: Map<_, _> =
                forms.into_iter().map(|(name, date)| (name.to_owned(), stages(&sign(date)).into())).collect();
            answer["forms"] = forms.into();
        }
        Ok(answer)
    }

    /// The fields of every answer; those that a kind does not have are null.
    pub(super) fn answer(&self, found: Map<String, Value>) -> Value {
        let mut answer = json!({
            "id": self.id, "signature": null, "url": null, "headers_to_send": null, "string_to_sign": null,
            "canonical_request": null, "form_fields": null,
        });
        for (name, value) in found {
            answer[name] = value;
        }
        answer
    }

    /// Where a form goes; `None` when the case does not say.
    pub(super) fn form_url(&self, endpoint: &Endpoint) -> Option<String> {
        let bucket = self.bucket.as_deref().filter(|_| self.endpoint.is_some())?;
        Some(endpoint.object_url(bucket, ""))
    }
}

fn stages(signed: &SignedRequest) -> Map<String, Value> {
    let mut stages = Map::new();
    stages.insert("signature".into(), signed.signature.as_str().into());
    stages.insert("url".into(), signed.url.as_str().into());
    stages.insert("headers_to_send".into(), object(&signed.headers));
    stages.insert("string_to_sign".into(), signed.string_to_sign.as_str().into());
    stages.insert("canonical_request".into(), signed.canonical_request.as_deref().into());
    stages
}

pub(super) fn object(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
}

/// A value of `null` is one that is empty.
fn pairs(map: Option<&BTreeMap<String, Option<String>>>) -> Vec<(String, String)> {
    let entries = map.into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), value.clone().unwrap_or_default())).collect()
}
