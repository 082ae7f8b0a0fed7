//! Requests are counted twice: by address as soon as they come in, whoever may send them, and by user when it is known who it is.

use std::num::NonZeroU32;

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
};

use super::{
    headers::{Told, tell},
    holder_of,
    limiter::{Limiter, Taken},
    sizes::judge_head,
};
use crate::{
    http::{
        client_address::ClientAddress,
        house::House,
        problem::{Code, Problem},
    },
    instruments,
};

const USER: &str = "user";
const ADDRESS: &str = "address";

/// How the limits stand that this request was counted by; a request extension.
#[derive(Default)]
struct Standings(Vec<Told>);

/// Middleware of everything that users call: counts the request for its address, refuses what is too large, and tells in the answer
/// how the limits stand. Only the browser's question beforehand is free. `refuse` words a refusal for the client that gets it.
///
/// # Errors
/// Those of the inner service.
pub(in crate::http) async fn limit<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    refuse: fn(&ServiceRequest, Problem) -> HttpResponse,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if request.method() == Method::OPTIONS {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let mut response = match admit(request.request()) {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(problem) => {
            let refusal = refuse(&request, problem);
            request.into_response(refusal).map_into_right_body()
        }
    };
    let told = response.request().extensions_mut().remove::<Standings>().unwrap_or_default();
    tell(&told.0, response.headers_mut());
    Ok(response)
}

fn admit(request: &HttpRequest) -> Result<(), Problem> {
    let house = House::of(request);
    let limits = &house.limits;
    if let (Some(limiter), Some(address)) = (&limits.addresses, ClientAddress::of(request)) {
        charge(request, ADDRESS, limiter, &holder_of(address), NonZeroU32::MIN)?;
    }
    judge_head(request, limits)
}

/// Counts a request of this user.
///
/// # Errors
/// 429 when it is one too many.
pub(in crate::http) fn charge_user(request: &HttpRequest, user_id: &String) -> Result<(), Problem> {
    match &House::of(request).limits.users {
        Some(limiter) => charge(request, USER, limiter, user_id, NonZeroU32::MIN),
        None => Ok(()),
    }
}

/// Counts a batch as so many requests, of which [`charge_user`] has counted the first.
///
/// # Errors
/// 429 when that is too many now, 413 when it always is.
pub(in crate::http) fn charge_batch(request: &HttpRequest, user_id: &String, items: u32) -> Result<(), Problem> {
    let house = House::of(request);
    let limits = &house.limits;
    let (Some(limiter), Some(others)) = (&limits.users, NonZeroU32::new(items.saturating_sub(1))) else {
        return Ok(());
    };
    let burst = limiter.rate().burst.get();
    if items > burst {
        return Err(Problem::new(Code::BodyTooLarge, format!("at most {burst} uploads in one call")));
    }
    charge(request, USER, limiter, user_id, others)
}

fn charge<K: std::hash::Hash + Eq + Clone>(
    request: &HttpRequest,
    name: &'static str,
    limiter: &Limiter<K>,
    key: &K,
    n: NonZeroU32,
) -> Result<(), Problem> {
    let rate = limiter.rate();
    let (standing, wait) = match limiter.take(key, n) {
        Taken::Room(standing) => (standing, None),
        Taken::Later(standing, wait) => (standing, Some(wait)),
    };
    note(request, (name, rate, standing));
    let Some(wait) = wait else { return Ok(()) };
    instruments::limited(name);
    let detail = format!("too many requests of this {name}; try again in {wait} s");
    Err(Problem::new(Code::RateLimited, detail).with_header(header::RETRY_AFTER, wait.to_string()))
}

/// The latest standing of a limit counts; the user's comes first.
fn note(request: &HttpRequest, told: Told) {
    let mut extensions = request.extensions_mut();
    if !extensions.contains::<Standings>() {
        extensions.insert(Standings::default());
    }
    let standings = &mut extensions.get_mut::<Standings>().expect("it was put there").0;
    standings.retain(|known| known.0 != told.0);
    standings.insert(0, told);
}
