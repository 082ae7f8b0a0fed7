//! `/v1/uploads/{id}`: look, complete, renew, cancel.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Query},
};
use serde::Deserialize;
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
        to_its_end::to_its_end,
        view::{GrantView, SignedGrantView},
        waiting::WaitingRoom,
    },
};

/// Longest `wait`, in seconds.
const MAX_WAIT: u64 = 30;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowQuery {
    wait: Option<u64>,
}

/// The body of `complete`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteBody {
    /// For multipart grants; none means all that OSS holds.
    #[serde(default)]
    parts: Vec<PartBody>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartBody {
    part_number: u32,
    etag: String,
}

impl RequestBody for CompleteBody {
    const MAX_LEN: usize = 1024 * 1024;
    const FIELDS: &'static [&'static str] = &["parts"];
    const REQUIRED: &'static [&'static str] = &[];
}

/// A body without fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
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
pub async fn complete(
    caller: SignedIn,
    path: Path<String>,
    body: JsonBody<CompleteBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&path)?;
    let named = |part: PartBody| NamedPart { part_number: part.part_number, etag: part.etag };
    let parts: Vec<_> = body.0.parts.into_iter().map(named).collect();
    let worker = Arc::clone(&valet);
    let entry = to_its_end(async move { worker.complete(&caller, id, &parts, worker.clock.now()).await }).await?;
    Ok(answer(HttpResponse::Ok(), &GrantView::new(&valet, &entry)))
}

/// Fresh signatures and lifetime.
///
/// # Errors
/// The contract's codes for this call.
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
pub async fn cancel(caller: SignedIn, path: Path<String>, valet: Current) -> Result<HttpResponse, Problem> {
    valet.cancel(&caller, parse_id(&path)?, valet.clock.now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) fn parse_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::new(Code::NotFound, "no such upload"))
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
