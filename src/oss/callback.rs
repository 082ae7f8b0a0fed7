//! The callback blob and its variables: build, parse, substitute (P§1.2–1.5).

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
    /// Compact JSON in the order of the official builders, Base64 with padding.
    pub fn encode(&self) -> String {
        todo!()
    }

    /// Decodes and checks what a client sent, as OSS does before it stores anything.
    ///
    /// # Errors
    /// With OSS's own message.
    pub fn decode(_base64: &str) -> Result<Self, InvalidCallback> {
        todo!()
    }
}

/// Encodes `callback-var`: Base64 of a flat JSON object, in the given order. Names carry their `x:`.
pub fn encode_vars(_vars: &[(String, String)]) -> String {
    todo!()
}

/// Decodes `callback-var`.
///
/// # Errors
/// With OSS's own message.
pub fn decode_vars(_base64: &str) -> Result<Vec<(String, String)>, InvalidCallback> {
    todo!()
}

/// The system variables of one stored object (P§1.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemVariables {
    /// Bucket name.
    pub bucket: String,
    /// The full key.
    pub object: String,
    /// Upper-case hex, without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// The stored content type.
    pub mime_type: String,
    /// Height, width, format; `None` for what is no image.
    pub image: Option<ImageInfo>,
    /// Decimal.
    pub crc64: String,
    /// Base64; empty for Complete.
    pub content_md5: String,
    /// Empty unless via VPC.
    pub vpc_id: String,
    /// The uploader's address.
    pub client_ip: String,
    /// The request id.
    pub req_id: String,
    /// `PutObject`, `PostObject`, `CompleteMultipartUpload`.
    pub operation: String,
}

/// What OSS reads off an image.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageInfo {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `png`, `jpg`, `gif`, `webp`, `bmp`, ….
    pub format: String,
}

/// Substitutes `${…}` in the template as OSS does, with the quirks of form and JSON mode.
pub fn substitute(
    _template: &str,
    _body_type: CallbackBodyType,
    _system: &SystemVariables,
    _vars: &[(String, String)],
) -> String {
    todo!()
}
