//! Counts and times every request by its route's pattern, never by its path.

use actix_web::{
    Error,
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
    route: String,
    status: StatusCode,
    watch: Stopwatch,
    in_flight: Gauge,
}

impl Measured {
    fn begin(listener: &'static str, request: &ServiceRequest) -> Self {
        let in_flight = instruments::requests_in_flight(listener);
        in_flight.increment(1);
        let method = method_label(request.method());
        // Before anybody has answered: of who goes away nobody could ask afterwards.
        let route = request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned());
        let status = StatusCode::from_u16(CLIENT_GONE).expect("three digits");
        Self { listener, method, route, status, watch: Stopwatch::start(), in_flight }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.in_flight.decrement(1);
        let route = std::mem::take(&mut self.route);
        instruments::request(self.listener, self.method, route, self.status.as_u16(), self.watch.elapsed());
    }
}

/// A method may be any word.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
