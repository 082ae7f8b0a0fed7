//! `GET /v1/uploads`: the caller's grants, newest first.

use actix_web::{HttpResponse, web::Query};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answer;
use crate::{
    app::ports::GrantFilter,
    grant::grant::State,
    http::{caller::SignedIn, house::Current, problem::Problem, view::GrantView},
};

/// Grants in one page, unless asked otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// Most grants in one page.
const MAX_LIMIT: u32 = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    profile: Option<String>,
    user_id: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Page<'a> {
    uploads: Vec<GrantView<'a>>,
    next_cursor: Option<String>,
}

impl TryFrom<ListQuery> for GrantFilter {
    type Error = Problem;

    fn try_from(query: ListQuery) -> Result<Self, Problem> {
        let state = query
            .state
            .map(|name| {
                State::from_name(&name).ok_or_else(|| Problem::invalid_parameter("state", "none of a grant's states"))
            })
            .transpose()?;
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::invalid_parameter("limit", format!("1 to {MAX_LIMIT}")));
        }
        let before = query.cursor.as_deref().map(parse_cursor).transpose()?;
        Ok(Self { user_id: query.user_id, state, profile: query.profile, before, limit })
    }
}

/// Lists one page.
///
/// # Errors
/// For a query that makes no sense, and for another user's list without the scope.
pub async fn list(caller: SignedIn, http: actix_web::HttpRequest, valet: Current) -> Result<HttpResponse, Problem> {
    let query = Query::<ListQuery>::from_query(http.query_string())
        .map_err(|error| Problem::invalid_parameter("query", error.to_string()))?;
    let filter = GrantFilter::try_from(query.into_inner())?;
    let limit = filter.limit as usize;
    let entries = valet.list(&caller, filter).await?;
    let next = entries.last().filter(|_| entries.len() == limit).map(|last| format_cursor(last.grant.id));
    let uploads = entries.iter().map(|entry| GrantView::new(&valet, entry)).collect();
    Ok(answer(HttpResponse::Ok(), &Page { uploads, next_cursor: next }))
}

fn format_cursor(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

fn parse_cursor(text: &str) -> Result<Uuid, Problem> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .ok_or_else(|| Problem::invalid_parameter("cursor", "not one of ours"))
}
