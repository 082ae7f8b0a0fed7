//! `POST /v1/uploads/batch`: many grants at once, each with its own verdict.

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    answer,
    issue::{IssueBody, idempotency_key, issue_one},
};
use crate::{
    app::{Valet, issue::Issued, ports::Caller},
    grant::fault::{Fault, FaultCode},
    http::{
        caller::SignedIn,
        house::Current,
        json_body::{JsonBody, RequestBody, parse},
        limits::charge_batch,
        problem::{Code, Problem, ProblemDocument},
        root_span::tell_refusal,
        view::SignedGrantView,
    },
};

/// Most grants in one call.
const MAX_ITEMS: usize = 100;
/// Most of them by `multipart` or `sts`: for each we call OSS or STS.
const MAX_CALLING_OUT: usize = 10;

/// The body of a batch; the items are parsed one by one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BatchRequest)]
pub struct BatchBody {
    /// At most 10 of them by `multipart` or `sts`. Each is judged for itself.
    #[schema(value_type = Vec<IssueBody>, min_items = 1, max_items = 100)]
    uploads: Vec<Box<RawValue>>,
}

impl RequestBody for BatchBody {
    const MAX_LEN: usize = 1024 * 1024;
    const FIELDS: &'static [&'static str] = &["uploads"];
    const REQUIRED: &'static [&'static str] = &["uploads"];
}

/// Issues each item for itself; the answers are in order.
/// # Errors
/// Only for the batch as a whole; an item's error is its own.
#[utoipa::path(
    post,
    path = "/v1/uploads/batch",
    operation_id = "issueUploads",
    tag = "Uploads",
    summary = "Issues many grants",
    description = "Each item is issued or refused for itself, with the status that it would have had alone; the answers are in order.",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$",
            description = "Of the whole batch.")),
    request_body = BatchBody,
    responses((status = 200, description = "A verdict for each.", body = BatchView))
)]
pub async fn issue_batch(
    http: HttpRequest,
    caller: SignedIn,
    body: JsonBody<BatchBody>,
    valet: Current,
) -> Result<HttpResponse, Problem> {
    let items = body.0.uploads;
    if items.is_empty() {
        return Err(Problem::faulty(vec![Fault::new("uploads", FaultCode::MissingField, "at least one")]));
    }
    if items.len() > MAX_ITEMS {
        return Err(Problem::new(Code::BodyTooLarge, format!("at most {MAX_ITEMS} uploads in one call")));
    }
    charge_batch(&http, &caller.user_id, u32::try_from(items.len()).unwrap_or(u32::MAX))?;
    let bodies: Vec<Result<IssueBody, Problem>> = items.iter().map(|item| parse(item.get().as_bytes())).collect();
    if bodies.iter().flatten().filter(|body| body.calls_out(&valet, &caller)).count() > MAX_CALLING_OUT {
        let message = format!("at most {MAX_CALLING_OUT} uploads by multipart or sts in one call");
        return Err(Problem::new(Code::BodyTooLarge, message));
    }
    let idempotency_key = idempotency_key(&http)?;
    let outcomes = join_all(
        bodies.into_iter().enumerate().map(|(index, body)| issue_item(&valet, &caller, body, idempotency_key, index)),
    )
    .await;
    let uploads = outcomes.iter().map(|outcome| ItemView::of(&valet, outcome)).collect();
    Ok(answer(HttpResponse::Ok(), &BatchView { uploads }))
}

async fn issue_item(
    valet: &Valet,
    caller: &Caller,
    body: Result<IssueBody, Problem>,
    idempotency_key: Option<&str>,
    index: usize,
) -> Result<Issued, Problem> {
    // One key names the whole batch: each item has its place in it. No header holds a line break, so no single
    // request has the same key.
    let key = idempotency_key.map(|key| format!("{key}\n{index}"));
    let profile = body.as_ref().ok().map(|body| body.profile.clone());
    let issued = match body {
        Ok(body) => issue_one(valet, caller, body, key.as_deref()).await,
        Err(problem) => Err(problem),
    };
    issued.inspect_err(|problem| tell_refusal(caller, profile.as_deref(), problem))
}

/// The verdicts.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
struct BatchView<'a> {
    /// In the order of the request.
    uploads: Vec<ItemView<'a>>,
}

/// Either `upload` or `problem`.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchItem)]
struct ItemView<'a> {
    /// What `POST /v1/uploads` would have answered.
    status: u16,
    /// With status 201.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<SignedGrantView<'a>>,
    /// With any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemDocument<'a>>,
}

impl<'a> ItemView<'a> {
    fn of(valet: &'a Valet, outcome: &'a Result<Issued, Problem>) -> Self {
        match outcome {
            Ok(issued) => {
                Self { status: 201, upload: Some(SignedGrantView::new(valet, &issued.signed)), problem: None }
            }
            Err(problem) => {
                Self { status: problem.code().status().as_u16(), upload: None, problem: Some(problem.document()) }
            }
        }
    }
}
