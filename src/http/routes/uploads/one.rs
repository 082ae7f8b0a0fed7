//! `/v1/uploads/{id}`: look, complete, renew, cancel.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Query},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::answer;
use crate::{
    grant::multipart::NamedPart,
    http::{
        caller::SignedIn,
        drain::{Draining, SHORT_WAIT},
        house::Current,
        json_body::{JsonBody, RequestBody},
        problem::{Code, Problem},
        root_span::note_grant,
        to_its_end::to_its_end,
        view::{GrantView, SignedGrantView},
        waiting::WaitingRoom,
        whole::Whole,
    },
};

/// Longest `wait`, in seconds.
const MAX_WAIT: u64 = 30;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShowQuery {
    /// Seconds to wait for a change of state; at most four requests of a user wait at once.
    #[param(maximum = 30)]
    wait: Option<u64>,
}

/// The body of `complete`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CompleteRequest)]
pub struct CompleteBody {
    /// For multipart grants; none means all that OSS holds.
    #[serde(default)]
    parts: Vec<PartBody>,
}

/// A part that was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NamedPart)]
struct PartBody {
    /// From 1.
    #[schema(value_type = u32, minimum = 1, maximum = 10_000)]
    part_number: Whole<u32>,
    /// As OSS answered it, with or without quotes.
    etag: String,
}

impl RequestBody for CompleteBody {
    const MAX_LEN: usize = 1024 * 1024;
    const FIELDS: &'static [&'static str] = &["parts"];
    const REQUIRED: &'static [&'static str] = &[];
}

/// A body without fields.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Empty)]
pub struct EmptyBody {}

impl RequestBody for EmptyBody {
    const MAX_LEN: usize = 1024;
    const FIELDS: &'static [&'static str] = &[];
    const REQUIRED: &'static [&'static str] = &[];
}

/// Shows a grant; with `wait`, not before it has changed or the time is over.
///
/// # Errors
/// 404 for what is not the caller's, 429 for too many waiting requests.
#[utoipa::path(
    get,
    path = "/v1/uploads/{id}",
    operation_id = "getUpload",
    tag = "Uploads",
    summary = "Shows a grant",
    description = "Without anything secret. With `wait` the answer is held until the state changes or the time is over.",
    params(("id" = Uuid, Path, description = "The grant's id."), ShowQuery),
    responses((status = 200, description = "The grant as it stands.", body = GrantView))
)]
pub async fn show(
    http: HttpRequest,
    caller: SignedIn,
    path: Path<String>,
    valet: Current,
    room: Data<WaitingRoom>,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&path)?;
    let entry = match wait_of(&http)? {
        None => valet.readable_grant(&caller, id).await?,
        Some(patience) => {
            let _seat = room.sit_down(&caller.user_id).ok_or_else(|| {
                Problem::new(Code::RateLimited, "too many requests of this user are waiting")
                    .with_header(actix_web::http::header::RETRY_AFTER, "1")
            })?;
            if draining.0.is_cancelled() {
                valet.wait_for_change(&caller, id, patience.min(SHORT_WAIT)).await?
            } else {
                tokio::select! {
                    changed = valet.wait_for_change(&caller, id, patience) => changed?,
                    // Whoever waits goes on waiting at another replica.
                    () = draining.0.cancelled() => valet.readable_grant(&caller, id).await?,
                }
            }
        }
    };
    let objects = valet.objects_of(&entry).await?;
    Ok(answer(HttpResponse::Ok(), &GrantView::new(&valet, &entry).with_objects(objects.as_deref())))
}

/// "I am done": joins the parts of a multipart grant; records what is there.
///
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    post,
    path = "/v1/uploads/{id}/complete",
    operation_id = "completeUpload",
    tag = "Uploads",
    summary = "Says that an upload is done",
    description = "For a lost answer of OSS, and for multipart uploads, whose parts it joins. What is at OSS is confirmed and recorded; repeating it \
                   answers the same.",
    params(("id" = Uuid, Path, description = "The grant's id.")),
    request_body = CompleteBody,
    responses((status = 200, description = "The grant, completed.", body = GrantView))
)]
pub async fn complete(
    caller: SignedIn,
    path: Path<String>,
    body: JsonBody<CompleteBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&path)?;
    let named = |part: PartBody| NamedPart { part_number: part.part_number.0, etag: part.etag };
    let parts: Vec<_> = body.0.parts.into_iter().map(named).collect();
    let worker = Arc::clone(&valet);
    let entry = to_its_end(async move { worker.complete(&caller, id, &parts, worker.clock.now()).await }).await?;
    Ok(answer(HttpResponse::Ok(), &GrantView::new(&valet, &entry)))
}

/// Fresh signatures and lifetime.
///
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    post,
    path = "/v1/uploads/{id}/renew",
    operation_id = "renewUpload",
    tag = "Uploads",
    summary = "Renews a grant",
    description = "Fresh signatures, credentials and lifetime for a grant that is still `issued`; id and key stay.",
    params(("id" = Uuid, Path, description = "The grant's id.")),
    request_body = EmptyBody,
    responses((status = 200, description = "The grant, signed anew.", body = SignedGrantView))
)]
pub async fn renew(
    caller: SignedIn,
    path: Path<String>,
    _body: JsonBody<EmptyBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let signed = valet.renew(&caller, parse_id(&path)?, valet.clock.now()).await?;
    Ok(answer(HttpResponse::Ok(), &SignedGrantView::new(&valet, &signed)))
}

/// Cancels a grant that has not ended.
///
/// # Errors
/// The contract's codes for this call.
#[utoipa::path(
    delete,
    path = "/v1/uploads/{id}",
    operation_id = "cancelUpload",
    tag = "Uploads",
    description = "What was signed stays valid at OSS; an object that arrives all the same is rejected. A multipart upload is aborted.",
    params(("id" = Uuid, Path, description = "The grant's id.")),
    responses((status = 204, description = "Cancelled."))
)]
pub async fn cancel(caller: SignedIn, path: Path<String>, valet: Current) -> Result<HttpResponse, Problem> {
    valet.cancel(&caller, parse_id(&path)?, valet.clock.now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) fn parse_id(text: &str) -> Result<Uuid, Problem> {
    let id = Uuid::try_parse(text).map_err(|_| Problem::new(Code::NotFound, "no such upload"))?;
    note_grant(id);
    Ok(id)
}

fn wait_of(http: &HttpRequest) -> Result<Option<Duration>, Problem> {
    let query = Query::<ShowQuery>::from_query(http.query_string())
        .map_err(|error| Problem::invalid_parameter("query", error.to_string()))?;
    match query.wait {
        None | Some(0) => Ok(None),
        Some(seconds) if seconds <= MAX_WAIT => Ok(Some(Duration::from_secs(seconds))),
        Some(_) => Err(Problem::invalid_parameter("wait", format!("at most {MAX_WAIT} seconds"))),
    }
}
