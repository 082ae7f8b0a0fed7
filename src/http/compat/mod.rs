//! Drop-in shapes for clients that exist: `/compat/…` with a bearer token, `/compat/t/{ticket}/…` for those that cannot send
//! headers. Every shape is a shell around the use cases of `/v1`; [`shapes`] lists them once for both ways in.

mod appserver;
mod companion;
mod entrant;
mod profile_query;
mod sts;

use actix_web::{
    HttpResponse, ResponseError as _,
    dev::ServiceRequest,
    middleware::{Condition, from_fn},
    web::{self, ServiceConfig},
};

pub use self::entrant::Entrant;
use super::{
    cors::cors,
    limits::limit,
    problem::Problem,
    resource::{self, issuing_get},
};

/// Everything under `/compat`, for pages of these origins.
pub(super) fn configure(cors_origins: &[String], app: &mut ServiceConfig) {
    let by_ticket = web::scope("/t/{ticket}").configure(shapes).default_service(web::to(resource::not_found));
    app.service(
        web::scope("/compat")
            .wrap(from_fn(|request, next| limit(request, next, refuse)))
            .wrap(Condition::new(!cors_origins.is_empty(), cors(cors_origins)))
            .service(by_ticket)
            .configure(shapes)
            .default_service(web::to(resource::not_found)),
    );
}

/// A refusal in the shape of what was asked for.
fn refuse(request: &ServiceRequest, problem: &Problem) -> HttpResponse {
    if request.path().ends_with("/sts") { sts::refuse(problem) } else { problem.error_response() }
}

/// The shapes, relative to the way in: add one here and it serves both.
fn shapes(app: &mut ServiceConfig) {
    app.service(resource::resource("/appserver", vec![issuing_get(appserver::v1)]))
        .service(resource::resource("/appserver/v4", vec![issuing_get(appserver::v4)]))
        .service(resource::resource("/sts", vec![issuing_get(sts::lend)]));
    companion::configure(app);
}
