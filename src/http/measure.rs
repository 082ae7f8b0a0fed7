//! Counts and times every request by its route's pattern, never by its path.

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::Next,
};
use metrics::Gauge;

use crate::instruments::{self, OPS, PUBLIC, Stopwatch};

/// Stands for the route of what none matches.
const UNMATCHED: &str = "(none)";
/// The client went away before it was answered; nginx's number for it.
const CLIENT_GONE: u16 = 499;

/// The pattern of the request's route, where one matches; a request extension, for the root span.
#[derive(Debug, Clone)]
pub(super) struct RoutePattern(pub(super) Arc<str>);

/// Middleware of the public listener.
///
/// # Errors
/// Those of the inner service.
pub async fn measure_public<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    measure(PUBLIC, request, next).await
}

/// Middleware of the operations listener.
///
/// # Errors
/// Those of the inner service.
pub async fn measure_ops<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    measure(OPS, request, next).await
}

async fn measure<B: MessageBody>(
    listener: &'static str,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut measured = Measured::begin(listener, &request);
    let outcome = next.call(request).await;
    match &outcome {
        Ok(response) => measured.status = response.status(),
        Err(error) => measured.status = error.as_response_error().status_code(),
    }
    outcome
}

/// One request; counted when dropped, whatever became of it.
struct Measured {
    listener: &'static str,
    method: &'static str,
    route: Arc<str>,
    status: StatusCode,
    watch: Stopwatch,
    in_flight: Gauge,
}

impl Measured {
    fn begin(listener: &'static str, request: &ServiceRequest) -> Self {
        let in_flight = instruments::requests_in_flight(listener);
        in_flight.increment(1);
        let method = method_label(request.method()).unwrap_or("other");
        // Before anybody has answered: of who goes away nobody could ask afterwards.
        let matched: Option<Arc<str>> = request.match_pattern().map(Arc::from);
        if let Some(route) = &matched {
            request.extensions_mut().insert(RoutePattern(Arc::clone(route)));
        }
        let route = matched.unwrap_or_else(|| UNMATCHED.into());
        let status = StatusCode::from_u16(CLIENT_GONE).expect("three digits");
        Self { listener, method, route, status, watch: Stopwatch::start(), in_flight }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.in_flight.decrement(1);
        instruments::request(self.listener, self.method, &self.route, self.status.as_u16(), self.watch.elapsed());
    }
}

/// The name of a method that is known; a method may be any word, and who sends another one has no claim on a name of his own.
pub(super) fn method_label(method: &Method) -> Option<&'static str> {
    match *method {
        Method::GET => Some("GET"),
        Method::HEAD => Some("HEAD"),
        Method::POST => Some("POST"),
        Method::PUT => Some("PUT"),
        Method::DELETE => Some("DELETE"),
        Method::PATCH => Some("PATCH"),
        Method::OPTIONS => Some("OPTIONS"),
        _ => None,
    }
}
