//! `POST /v1/uploads`: issue a grant.

use std::{collections::BTreeMap, fmt};

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use utoipa::ToSchema;

use super::answer;
use crate::{
    app::{
        Valet,
        issue::{IssueRequest, Issued},
        ports::Caller,
    },
    grant::{limits::UncheckedAsk, profile::Method},
    http::{
        caller::SignedIn,
        house::Current,
        issuing,
        json_body::{JsonBody, RequestBody},
        openapi::schemas,
        problem::Problem,
        root_span::note_profile,
        view::SignedGrantView,
        whole::Whole,
    },
};

/// Longest `Idempotency-Key`, in bytes.
const MAX_IDEMPOTENCY_KEY_LEN: usize = 255;
/// Tells that the answer repeats an earlier one.
const IDEMPOTENCY_REPLAYED: &str = "Idempotency-Replayed";

/// The body of `POST /v1/uploads`, and of each item of a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UploadRequest)]
pub struct IssueBody {
    /// One of `GET /v1/profiles`.
    pub(super) profile: String,
    /// Gives the extension and metadata, never a path.
    filename: Option<String>,
    /// Derived from the file name when it is left out.
    content_type: Option<String>,
    /// In bytes; checked at once, and for `post` pinned exactly.
    #[schema(value_type = Option<u64>, maximum = 9_007_199_254_740_991_i64)]
    size: Option<Whole<u64>>,
    /// The profile's first when it is left out.
    #[schema(value_type = Option<schemas::Method>)]
    method: Option<String>,
    /// Only those that the profile lists; at most 10 of at most 256 bytes each, without control characters.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    vars: Option<Vars>,
    /// For whom, where the caller has the scope `uploads:issue-for`.
    user_id: Option<String>,
}

impl IssueBody {
    /// Whether to issue it means a call of OSS's or STS's.
    pub(super) fn calls_out(&self, valet: &Valet, caller: &Caller) -> bool {
        let first = || valet.profile_for(caller, &self.profile)?.methods.first().copied();
        let method = self.method.as_deref().map_or_else(first, Method::from_name);
        matches!(method, Some(Method::Multipart | Method::Sts))
    }
}

/// A JSON object of texts in which no name occurs twice: of two values nobody could tell which was meant.
#[derive(Debug, Default)]
struct Vars(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Vars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VarsVisitor)
    }
}

struct VarsVisitor;

impl<'de> Visitor<'de> for VarsVisitor {
    type Value = Vars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vars, A::Error> {
        let mut vars = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            if vars.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice in `vars`"));
            }
        }
        Ok(Vars(vars))
    }
}

impl RequestBody for IssueBody {
    const MAX_LEN: usize = 64 * 1024;
    const FIELDS: &'static [&'static str] =
        &["profile", "filename", "content_type", "size", "method", "vars", "user_id"];
    const REQUIRED: &'static [&'static str] = &["profile"];
}

impl From<IssueBody> for IssueRequest {
    fn from(body: IssueBody) -> Self {
        Self {
            profile: body.profile,
            user_id: body.user_id,
            ask: UncheckedAsk {
                filename: body.filename,
                content_type: body.content_type,
                size: body.size.map(|size| size.0),
                method: body.method,
                vars: body.vars.unwrap_or_default().0,
            },
        }
    }
}

/// Issues one grant.
///
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    post,
    path = "/v1/uploads",
    operation_id = "issueUpload",
    tag = "Uploads",
    description = "Asks leave to upload one object. The answer holds everything that is needed to send the bytes straight to OSS: `request` for \
                   `post` and `put`, `multipart` for parts, `credentials` for an SDK.",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$",
            description = "The same key with the same body gives the same grant again, within 24 hours; with another body it is a conflict.")),
    request_body = IssueBody,
    responses((status = 201, description = "The grant.", body = SignedGrantView))
)]
pub async fn issue(
    http: HttpRequest,
    caller: SignedIn,
    body: JsonBody<IssueBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    note_profile(&body.0.profile);
    let idempotency_key = idempotency_key(&http)?;
    let issued = issue_one(&valet, &caller, body.0, idempotency_key).await?;
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, format!("/v1/uploads/{}", issued.signed.grant.id)));
    if issued.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    Ok(answer(response, &SignedGrantView::new(&valet, &issued.signed)))
}

/// One grant, alone or in a batch.
pub(super) async fn issue_one(
    valet: &Valet,
    caller: &Caller,
    body: IssueBody,
    idempotency_key: Option<&str>,
) -> Result<Issued, Problem> {
    issuing::issue(valet, caller, body.into(), idempotency_key).await
}

/// The `Idempotency-Key`, if there is one and it can be used.
pub(super) fn idempotency_key(http: &HttpRequest) -> Result<Option<&str>, Problem> {
    let unusable = || {
        let why = format!("1 to {MAX_IDEMPOTENCY_KEY_LEN} printable ASCII characters, once");
        Problem::invalid_parameter("Idempotency-Key", why)
    };
    let mut values = http.headers().get_all("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| unusable())?;
    if values.next().is_some() || !(1..=MAX_IDEMPOTENCY_KEY_LEN).contains(&text.len()) {
        return Err(unusable());
    }
    Ok(Some(text))
}
