//! What we send by ourselves, as the document's webhooks: the events of the outbox, and the hook's question.
//!
//! The types stand for the serialized form of an event in `grant`; a test holds the two against each other.
#![expect(dead_code, reason = "for the document only: what is sent is their namesake")]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        Content, HttpMethod, Paths, PathsBuilder, Required, ResponseBuilder,
        path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem},
        request_body::RequestBodyBuilder,
        schema::{KnownFormat, ObjectBuilder, Ref, SchemaFormat, Type},
        security::SecurityRequirement,
    },
};
use uuid::Uuid;

use super::schemas::{CompletionSource, ImageInfo, Method};
use crate::grant::webhook::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP};

/// The schemas that only webhooks use.
#[derive(OpenApi)]
#[openapi(components(schemas(UploadEvent)))]
pub(super) struct WebhookSchemas;

/// The content type of both.
const CLOUD_EVENT: &str = "application/cloudevents+json; charset=utf-8";

/// One for each kind of event, and the hook.
pub(super) fn webhooks() -> Paths {
    let told = [
        ("uploadCompleted", "An upload is completed", "The object is there and is what it should be."),
        ("uploadRejected", "An upload is rejected", "An object arrived that breaks its grant; `data.reason` says how."),
        (
            "uploadExpired",
            "An upload expired",
            "The grant's time is over, and nothing arrived. A late object may still follow.",
        ),
        ("uploadChanged", "An uploaded object changed", "A completed grant's object is another one now."),
    ];
    let sinks = told.into_iter().map(|(id, summary, description)| (id, event(id, summary, description)));
    let webhooks = sinks.chain([("uploadHook", hook())]);
    webhooks.fold(PathsBuilder::new(), |paths, (name, item)| paths.path(name, item)).build()
}

/// What a sink is told.
fn event(id: &str, summary: &str, description: &str) -> PathItem {
    let description = format!(
        "{description} Sent at least once, to every sink that wants it, with growing pauses for three days until it is answered with \
         `2xx`; `410` switches the sink off."
    );
    let accepted = ResponseBuilder::new().description("The event is taken.").build();
    PathItem::new(HttpMethod::Post, signed(id, summary, &description).response("2XX", accepted))
}

/// What a profile's hook is asked.
fn hook() -> PathItem {
    let description = "Asked once for each object, after OSS has confirmed it and before it is recorded, while OSS waits. The body is the event \
                       that will be told if the answer is yes.";
    let yes = ResponseBuilder::new()
        .description("Yes. The JSON becomes OSS's answer to the client; at most 64 KiB.")
        .content("application/json", Content::new(Some(ObjectBuilder::new())))
        .build();
    let no = ResponseBuilder::new().description("No: the upload is rejected.").build();
    let operation =
        signed("uploadHook", "May this upload count?", description).response("2XX", yes).response("4XX", no);
    PathItem::new(HttpMethod::Post, operation)
}

/// A POST of an event, signed as Standard Webhooks says.
fn signed(id: &str, summary: &str, description: &str) -> OperationBuilder {
    let body = RequestBodyBuilder::new()
        .description(Some("The event."))
        .content(CLOUD_EVENT, Content::new(Some(Ref::from_schema_name("UploadEvent"))))
        .required(Some(Required::True))
        .build();
    let headers = [
        (
            HEADER_ID,
            "The event's id, in every attempt: an idempotency key.",
            SchemaFormat::KnownFormat(KnownFormat::Uuid),
        ),
        (
            HEADER_TIMESTAMP,
            "When it was sent, in seconds since the epoch.",
            SchemaFormat::Custom("unix-time".to_owned()),
        ),
        (
            HEADER_SIGNATURE,
            "`v1,` and the Base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`; one for each secret, parted by spaces.",
            SchemaFormat::Custom("standard-webhooks".to_owned()),
        ),
    ];
    let operation = OperationBuilder::new()
        .operation_id(Some(id))
        .tag("Webhooks")
        .summary(Some(summary))
        .description(Some(description))
        .security(SecurityRequirement::default())
        .request_body(Some(body));
    headers.into_iter().fold(operation, |operation, (name, about, format)| {
        let text = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Header)
                .required(Required::True)
                .description(Some(about))
                .schema(Some(text)),
        )
    })
}

/// An event of the outbox: CloudEvents 1.0 in structured JSON. The same id means the same news.
#[derive(ToSchema)]
pub(in crate::http) struct UploadEvent {
    /// `1.0`.
    specversion: String,
    /// Also the `webhook-id`: an idempotency key.
    id: Uuid,
    /// This service's public address.
    source: String,
    r#type: EventType,
    /// When it happened.
    time: DateTime<Utc>,
    /// The object's key.
    subject: String,
    /// `application/json`.
    datacontenttype: String,
    data: UploadEventData,
}

/// What became of an upload.
#[derive(ToSchema)]
pub(in crate::http) enum EventType {
    #[schema(rename = "com.oss-valet.upload.completed")]
    Completed,
    #[schema(rename = "com.oss-valet.upload.rejected")]
    Rejected,
    #[schema(rename = "com.oss-valet.upload.expired")]
    Expired,
    #[schema(rename = "com.oss-valet.upload.changed")]
    Changed,
}

/// Grant and object. What is not known of an object that never came is null.
#[derive(ToSchema)]
pub(in crate::http) struct UploadEventData {
    /// The grant's id.
    upload_id: Uuid,
    /// Whose it is.
    user_id: String,
    /// Under which rules.
    profile: String,
    method: Method,
    /// Where the object is.
    bucket: String,
    /// OSS's name of the region.
    region: String,
    /// The object's key.
    key: String,
    /// In bytes.
    #[schema(required = true)]
    size: Option<u64>,
    /// Upper-case hex without quotes.
    #[schema(required = true)]
    etag: Option<String>,
    /// The object's type.
    #[schema(required = true)]
    content_type: Option<String>,
    /// Decimal.
    #[schema(required = true)]
    crc64: Option<String>,
    /// Where the bucket keeps versions.
    #[schema(required = true)]
    version_id: Option<String>,
    /// Of image profiles, when OSS told.
    #[schema(required = true)]
    image: Option<ImageInfo>,
    /// As the caller said it.
    #[schema(required = true)]
    filename: Option<String>,
    /// The caller's variables.
    vars: BTreeMap<String, String>,
    #[schema(required = true)]
    source: Option<CompletionSource>,
    /// Why it is rejected.
    #[schema(required = true)]
    reason: Option<String>,
    /// Whether the grant had ended before.
    #[schema(required = true)]
    late: Option<bool>,
    /// When the grant was issued.
    issued_at: DateTime<Utc>,
    /// When the object was recorded.
    #[schema(required = true)]
    completed_at: Option<DateTime<Utc>>,
}
