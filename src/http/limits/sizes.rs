//! How large a request may be, as far as its head tells: refused before anything of its body is read.

use actix_web::{HttpRequest, http::header};

use super::Limits;
use crate::http::problem::{Code, Problem};

/// Longest path with its query, in bytes: Companion's `GET params` holds a file's name, a ticket some hundred bytes.
const MAX_TARGET: usize = 8 * 1024;
/// Longest header block, in bytes: two large tokens and some cookies.
const MAX_HEADERS: usize = 32 * 1024;

/// Whether the request's head is small enough, and says that its body is. A body that says nothing is counted as it is read.
///
/// # Errors
/// 414, 431 or 413.
pub(super) fn judge_head(request: &HttpRequest, limits: &Limits) -> Result<(), Problem> {
    let too_large = |code, most: usize| Err(Problem::new(code, format!("at most {most} bytes")));
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) > MAX_TARGET {
        return too_large(Code::UriTooLong, MAX_TARGET);
    }
    // As it was written: `name: value` and a line break.
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > MAX_HEADERS {
        return too_large(Code::HeadersTooLarge, MAX_HEADERS);
    }
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.max_body() as u64) {
        return too_large(Code::BodyTooLarge, limits.max_body());
    }
    Ok(())
}
