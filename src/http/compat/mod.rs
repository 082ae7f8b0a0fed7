//! Drop-in shapes for clients that exist: `/compat/…` with a bearer token, `/compat/t/{ticket}/…` for those that cannot send
//! headers. Every shape is a shell around the use cases of `/v1`; [`table`] lists them once for both ways in.

mod appserver;
mod companion;
mod entrant;
mod profile_query;
mod sts;

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use utoipa::OpenApi;

pub use self::entrant::Entrant;
use super::{
    cors::CorsInForce,
    limits::limit,
    problem::Problem,
    resource::{self, Endpoint, issuing_get, register, resource as endpoint},
};

/// This folder's part of the OpenAPI document: the way in with a token. The other way is made from it.
#[derive(OpenApi)]
#[openapi(paths(appserver::v1, appserver::v4, sts::lend))]
pub(super) struct CompatApi;

pub(super) use self::companion::CompanionApi;

/// The way in of clients that cannot send headers.
pub(super) const BY_TICKET: &str = "/compat/t/{ticket}";

/// Everything under `/compat`.
pub(super) fn configure(app: &mut ServiceConfig) {
    let shapes = |scope: &mut ServiceConfig| register(table(), scope);
    let by_ticket = web::scope("/t/{ticket}").configure(shapes).default_service(web::to(resource::not_found));
    app.service(
        web::scope("/compat")
            .wrap(from_fn(|request, next| limit(request, next, refuse)))
            .wrap(CorsInForce)
            .service(by_ticket)
            .configure(shapes)
            .default_service(web::to(resource::not_found)),
    );
}

/// A refusal in the shape of what was asked for.
fn refuse(request: &ServiceRequest, problem: Problem) -> HttpResponse {
    if request.path().ends_with("/sts") { sts::refuse(&problem) } else { HttpResponse::from_error(problem) }
}

/// The shapes, relative to the way in: add one here and it serves both.
pub(super) fn table() -> Vec<Endpoint> {
    let mut table = vec![
        endpoint("/appserver", vec![issuing_get(appserver::v1)]),
        endpoint("/appserver/v4", vec![issuing_get(appserver::v4)]),
        endpoint("/sts", vec![issuing_get(sts::lend)]),
    ];
    table.extend(companion::table());
    table
}
