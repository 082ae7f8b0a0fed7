//! The callback blob and its variables: build, parse, substitute (P§1.2–1.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

mod decode;
mod substitute;
mod vars;

pub use substitute::{ImageInfo, SystemVariables, substitute};
pub use vars::{decode_vars, encode_vars};

/// Longest `callback` or `callback-var`, in bytes of Base64 text (P§1.4). OSS refuses longer ones.
pub const MAX_BLOB_BYTES: usize = 5 * 1024;
/// Most callback URLs (P§1.2).
pub const MAX_URLS: usize = 5;
/// `callbackBodyType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub enum CallbackBodyType {
    /// `application/x-www-form-urlencoded`.
    #[default]
    #[serde(rename = "application/x-www-form-urlencoded")]
    Form,
    /// `application/json`.
    #[serde(rename = "application/json")]
    Json,
}

impl CallbackBodyType {
    /// The media type: OSS's `Content-Type` of the callback request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

/// The `callback` JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Callback {
    /// One to five, tried in order; joined by `;` on the wire.
    pub urls: Vec<String>,
    /// `Host` header of the callback request.
    pub host: Option<String>,
    /// The template.
    pub body: String,
    /// Form by default.
    pub body_type: CallbackBodyType,
    /// Send SNI on https.
    pub sni: bool,
    /// `additionalHeaders`, lower-case names in ascending order: sent with the callback, not signed.
    pub additional_headers: Vec<(String, String)>,
}

/// Why OSS refuses a callback configuration: `Display` is OSS's message for `InvalidArgument` (P§1.7).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct InvalidCallback {
    /// OSS's `Message`.
    pub message: &'static str,
    /// OSS's `EC`, where known.
    pub ec: Option<&'static str>,
    /// `callback` or `callback-var`.
    pub argument: &'static str,
}

impl Callback {
    /// Compact JSON in the order of the official builders, Base64 with padding. `callbackHost` and `callbackSNI` are left
    /// out where they say nothing.
    pub fn encode(&self) -> String {
        #[derive(serde::Serialize)]
        struct Wire<'a> {
            #[serde(rename = "callbackUrl")]
            url: String,
            #[serde(rename = "callbackHost", skip_serializing_if = "Option::is_none")]
            host: Option<&'a str>,
            #[serde(rename = "callbackBody")]
            body: &'a str,
            #[serde(rename = "callbackBodyType")]
            body_type: CallbackBodyType,
            #[serde(rename = "callbackSNI", skip_serializing_if = "Option::is_none")]
            sni: Option<bool>,
            #[serde(rename = "additionalHeaders", skip_serializing_if = "<[_]>::is_empty", with = "vars::ordered")]
            additional_headers: &'a [(String, String)],
        }
        let json = serde_json::to_vec(&Wire {
            url: self.urls.join(";"),
            host: self.host.as_deref(),
            body: &self.body,
            body_type: self.body_type,
            sni: self.sni.then_some(true),
            additional_headers: &self.additional_headers,
        });
        STANDARD.encode(json.expect("strings and a bool are JSON"))
    }

    /// Decodes and checks what a client sent, as OSS does before it stores anything. A callback without a URL is none, and
    /// nothing else of it is looked at (P§1.2): [`Callback::urls`] is empty then.
    ///
    /// OSS takes `signatureVersion` "2.0" as well. Its algorithm is unpublished (P§9.1), so nobody could check such a
    /// callback: only "1.0" passes.
    ///
    /// # Errors
    /// With OSS's own message. Two of its wordings are inferred: a `callbackSNI` that is no boolean, and bad
    /// `additionalHeaders`.
    pub fn decode(base64: &str) -> Result<Self, InvalidCallback> {
        decode::callback(&decode::fields(base64)?)
    }

    /// The same over a preset of the bucket: what the client sent counts before what the preset says (P§1.8).
    ///
    /// # Errors
    /// As for [`Callback::decode`].
    pub fn decode_over(preset: &str, base64: &str) -> Result<Self, InvalidCallback> {
        let mut fields = decode::fields(preset)?;
        fields.extend(decode::fields(base64)?);
        decode::callback(&fields)
    }

    /// The preset of the bucket that a client names with `callbackPolicy` (P§1.8).
    ///
    /// # Errors
    /// When the blob is too long or no JSON in Base64.
    pub fn preset_name(base64: &str) -> Result<Option<String>, InvalidCallback> {
        let fields = decode::fields(base64)?;
        Ok(fields.get("callbackPolicy").and_then(serde_json::Value::as_str).map(str::to_owned))
    }
}
