//! What callers see of types that know nothing of HTTP: each stands for the serialized form of its namesake in `grant` or `oss`. A
//! test holds the two against each other.
#![expect(dead_code, reason = "for the document only: what is served are their namesakes")]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, SchemaType, Type},
    },
};
use uuid::Uuid;

/// How the bytes travel: a form, a presigned URL, presigned parts, or temporary credentials for an SDK.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum Method {
    Post,
    Put,
    Multipart,
    Sts,
}

/// Where a grant stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum State {
    Issued,
    Completed,
    Rejected,
    Expired,
    Cancelled,
}

/// `directory`: leave for any objects under one directory.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum DirectoryKind {
    Directory,
}

/// What OSS itself enforces.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::http) enum Enforced {
    Key,
    Size,
    ContentType,
    Callback,
    Vars,
}

/// How we learnt of the object: OSS called back, the client said so, or the reconciler found it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum CompletionSource {
    Callback,
    Complete,
    Reconciled,
}

/// The media type of the callback's body.
#[derive(ToSchema)]
pub(in crate::http) enum CallbackBodyType {
    #[schema(rename = "application/x-www-form-urlencoded")]
    Form,
    #[schema(rename = "application/json")]
    Json,
}

/// A request to send as it is, with the file: as the body, or as the form's last part, named `file`.
#[derive(ToSchema)]
pub(in crate::http) struct ClientRequest {
    /// `POST` or `PUT`.
    method: String,
    /// Absolute.
    url: String,
    /// Must be sent, each as it is.
    headers: BTreeMap<String, String>,
    /// Form fields, before the file part.
    fields: BTreeMap<String, String>,
}

/// The callback in the shapes that SDKs take.
#[derive(ToSchema)]
pub(in crate::http) struct ClientCallback {
    /// Base64: the header `x-oss-callback`.
    callback: String,
    /// Base64: the header `x-oss-callback-var`.
    callback_var: String,
    /// For SDKs that build that themselves: `callbackUrl`.
    url: String,
    /// `callbackBody`.
    body: String,
    body_type: CallbackBodyType,
    /// `callbackSNI`.
    sni: bool,
    /// The custom variables, with their `x:`.
    vars: BTreeMap<String, String>,
}

/// Credentials for one key, or for one directory. A secret.
#[derive(ToSchema)]
pub(in crate::http) struct TemporaryCredentials {
    /// For SDKs: `accessKeyId`.
    access_key_id: String,
    /// For SDKs: `accessKeySecret`.
    access_key_secret: String,
    /// For SDKs: `stsToken`.
    security_token: String,
    /// When they end.
    expiration: DateTime<Utc>,
}

/// Into which parts.
#[derive(ToSchema)]
pub(in crate::http) struct PartPlan {
    /// Every part but the last has this many bytes.
    part_size: u64,
    /// How many there are, when the caller said how large the file is.
    #[schema(required = true)]
    part_count: Option<u32>,
    /// No part number beyond this is signed.
    max_parts: u32,
}

/// From 1.
#[derive(ToSchema)]
#[schema(minimum = 1, maximum = 10_000)]
pub(in crate::http) struct PartNumber(u32);

/// A part as OSS holds it.
#[derive(ToSchema)]
pub(in crate::http) struct UploadedPart {
    /// From 1.
    part_number: u32,
    /// Without quotes.
    etag: String,
    /// In bytes.
    size: u64,
}

/// What OSS found out about an image.
#[derive(ToSchema)]
pub(in crate::http) struct ImageInfo {
    /// In pixels.
    width: u32,
    /// In pixels.
    height: u32,
    /// `png`, `jpg`, `gif`, `webp`, `bmp` and others.
    format: String,
}

/// What is wrong with one field.
#[derive(ToSchema)]
pub(in crate::http) struct Fault {
    /// Dotted, where it lies deeper: `vars.album`.
    field: String,
    /// Why; one of the codes with status 422.
    code: String,
    /// For people.
    message: String,
}

/// What Uppy tells of a file. Fields that nobody knows are passed over.
#[derive(ToSchema)]
pub(in crate::http) struct CompanionFile {
    /// Gives the extension and metadata, never a path.
    filename: Option<String>,
    /// The media type; derived from the file name when it is left out.
    r#type: Option<String>,
    /// In bytes.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    size: Option<u64>,
    /// `profile`, unless a ticket names it, and the variables that the profile lists.
    metadata: Option<BTreeMap<String, Value>>,
}

/// What OSS sends when an object is stored: the grant's `callbackBody`, filled in. `x:` variables of the caller come along.
#[derive(ToSchema)]
pub(in crate::http) struct CallbackBody {
    /// The object's bucket.
    bucket: String,
    /// Its key.
    object: String,
    /// With or without quotes.
    etag: String,
    /// In bytes, as text.
    size: String,
    /// Its type.
    #[schema(rename = "mimeType")]
    mime_type: Option<String>,
    /// Decimal.
    crc64: Option<String>,
    /// Who sent it to OSS.
    #[schema(rename = "clientIp")]
    client_ip: Option<String>,
    /// OSS's id of that request.
    #[schema(rename = "reqId")]
    req_id: Option<String>,
    /// `PostObject`, `PutObject` or `CompleteMultipartUpload`.
    operation: Option<String>,
    /// Of image profiles, in pixels.
    #[schema(rename = "imageInfo.width")]
    width: Option<String>,
    /// Of image profiles, in pixels.
    #[schema(rename = "imageInfo.height")]
    height: Option<String>,
    /// Of image profiles.
    #[schema(rename = "imageInfo.format")]
    format: Option<String>,
    /// Whose grant it is.
    #[schema(rename = "x:user_id")]
    user_id: String,
    /// Which grant it is.
    #[schema(rename = "x:upload_id")]
    upload_id: String,
    /// Our MAC over the grant.
    #[schema(rename = "x:seal")]
    seal: String,
}

/// What OSS hands to the client: ours, or whatever JSON the profile's hook answered.
pub(in crate::http) struct CallbackAnswer;

impl PartialSchema for CallbackAnswer {
    fn schema() -> RefOr<Schema> {
        let about = "What OSS hands to the client: a recorded upload, or whatever JSON the profile's hook answered.";
        let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        let any_json = AnyOfBuilder::new()
            .item(Ref::from_schema_name("RecordedUpload"))
            .item(ArrayBuilder::new().items(anything))
            .description(Some(about));
        // One by one: a list of types is more than most tools understand.
        let others = [Type::Object, Type::String, Type::Number, Type::Boolean, Type::Null];
        others.into_iter().fold(any_json, |any, kind| any.item(ObjectBuilder::new().schema_type(kind))).into()
    }
}

impl ToSchema for CallbackAnswer {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((RecordedUpload::name().into_owned(), RecordedUpload::schema()));
        RecordedUpload::schemas(schemas);
    }
}

/// A recorded upload.
#[derive(ToSchema)]
pub(in crate::http) struct RecordedUpload {
    /// The grant's id.
    id: Uuid,
    state: State,
    /// Where the object is.
    bucket: String,
    /// Its key.
    key: String,
    /// In bytes.
    size: u64,
    /// Upper-case hex without quotes.
    etag: String,
    /// Its type.
    content_type: String,
    /// Whose it is.
    user_id: String,
    /// The grant's variables.
    vars: BTreeMap<String, String>,
}

/// Always the same.
#[derive(ToSchema)]
pub(in crate::http) struct Liveness {
    /// `live`.
    status: String,
}

/// Whether the service should get traffic.
#[derive(ToSchema)]
pub(in crate::http) struct Readiness {
    /// `ready` or `not ready`.
    status: String,
    /// Why not.
    reasons: Option<Vec<String>>,
    /// Those that are not simply fine, by their name in the settings.
    credentials: Option<BTreeMap<String, CredentialHealth>>,
}

/// How a provider of credentials stands.
#[derive(ToSchema)]
pub(in crate::http) struct CredentialHealth {
    /// `ok`, `refreshing`, `failing` or `expired`.
    state: String,
    /// Whether they can sign.
    usable: bool,
    /// When they end.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    /// Since when renewing fails.
    #[schema(required = true)]
    failing_since: Option<DateTime<Utc>>,
    /// Why.
    #[schema(required = true)]
    reason: Option<String>,
}
