//! `POST /v1/uploads/batch`: many grants at once, each with its own verdict.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer,
    issue::{IssueBody, idempotency_key, issue_one},
};
use crate::{
    app::{Valet, issue::Issued, ports::Caller},
    grant::fault::{Fault, FaultCode},
    http::{
        caller::SignedIn,
        json_body::{JsonBody, RequestBody, parse},
        problem::{Code, Problem},
        view::SignedGrantView,
    },
};

/// Most grants in one call.
const MAX_ITEMS: usize = 100;

/// The body of a batch; the items are parsed one by one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    uploads: Vec<Value>,
}

impl RequestBody for BatchBody {
    const MAX_LEN: usize = 1024 * 1024;
    const FIELDS: &'static [&'static str] = &["uploads"];
    const REQUIRED: &'static [&'static str] = &["uploads"];
}

/// Issues each item for itself; the answers are in order.
///
/// # Errors
/// Only for the batch as a whole; an item's error is its own.
pub async fn issue_batch(
    http: HttpRequest,
    caller: SignedIn,
    body: JsonBody<BatchBody>,
    valet: Data<Valet>,
) -> Result<HttpResponse, Problem> {
    let items = body.0.uploads;
    if items.is_empty() {
        return Err(Problem::faulty(vec![Fault::new("uploads", FaultCode::MissingField, "at least one")]));
    }
    if items.len() > MAX_ITEMS {
        return Err(Problem::new(Code::BodyTooLarge, format!("at most {MAX_ITEMS} uploads in one call")));
    }
    let idempotency_key = idempotency_key(&http)?;
    let outcomes = join_all(
        items.iter().enumerate().map(|(index, item)| issue_item(&valet, &caller, item, idempotency_key, index)),
    )
    .await;
    let uploads: Vec<Value> = outcomes.iter().map(|outcome| item_view(&valet, outcome)).collect();
    Ok(answer(HttpResponse::Ok(), &json!({ "uploads": uploads })))
}

async fn issue_item(
    valet: &Valet,
    caller: &Caller,
    item: &Value,
    idempotency_key: Option<&str>,
    index: usize,
) -> Result<Issued, Problem> {
    let body: IssueBody = parse(item.to_string().as_bytes())?;
    // One key names the whole batch: each item has its place in it.
    let key = idempotency_key.map(|key| format!("{key} {index}"));
    issue_one(valet, caller, body, key.as_deref()).await
}

fn item_view(valet: &Valet, outcome: &Result<Issued, Problem>) -> Value {
    match outcome {
        Ok(issued) => json!({ "status": 201, "upload": SignedGrantView::new(valet, &issued.signed) }),
        Err(problem) => json!({ "status": problem.code().status().as_u16(), "problem": problem.document() }),
    }
}
