//! The routes, on actix-web. [`configure`] is the whole public surface on one screen.

pub mod callback_refusals;
pub mod caller;
pub mod client_address;
pub mod compat;
pub mod cors;
pub mod drain;
pub mod house;
mod issuing;
pub mod json_body;
pub mod limits;
pub mod measure;
pub mod openapi;
mod pieces;
pub mod problem;
pub mod refusals;
pub mod request_id;
pub mod resource;
pub mod root_span;
pub mod routes;
pub mod server;
mod to_its_end;
pub mod view;
pub mod waiting;
mod whole;

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use self::{
    cors::CorsInForce,
    limits::limit,
    resource::{Endpoint, delete, get, post, register, resource},
    routes::{callbacks, demo::page_table, health, metrics, profiles, tickets, uploads},
};

/// What the public listener is told beside its app data.
#[derive(Debug, Clone, Default)]
pub struct PublicRoutes {
    /// What `/openapi.json` answers.
    pub document: Arc<openapi::ApiDocument>,
    /// Whether `/demo` is there.
    pub demo: bool,
    /// Answers this on `/-/static`: the benchmark's ceiling.
    pub static_answer: Option<web::Bytes>,
}

/// The public listener's routes.
pub fn configure(routes: &PublicRoutes, app: &mut ServiceConfig) {
    register(callback_table(), app);
    app.service(
        web::scope("/v1")
            .wrap(from_fn(|request, next| limit(request, next, |_, problem| HttpResponse::from_error(problem))))
            .wrap(CorsInForce)
            .configure(|scope| register(v1_table(), scope))
            .default_service(web::to(resource::not_found)),
    );
    compat::configure(app);
    openapi::configure(&routes.document, app);
    register(page_table(routes.demo), app);
    if let Some(answer) = routes.static_answer.clone() {
        app.service(web::resource("/-/static").to(move || health::fixed_answer(answer.clone())));
    }
    app.default_service(web::to(resource::not_found));
}

/// The operations listener's routes.
pub fn configure_ops(app: &mut ServiceConfig) {
    register(ops_table(), app);
    app.default_service(web::to(resource::not_found));
}

/// OSS's way in: no CORS, no limits.
fn callback_table() -> Vec<Endpoint> {
    vec![resource("/v1/callbacks/oss", vec![post(callbacks::accept)])]
}

/// Below `/v1`.
fn v1_table() -> Vec<Endpoint> {
    vec![
        resource("/uploads", vec![get(uploads::list), post(uploads::issue)]),
        resource("/uploads/batch", vec![post(uploads::issue_batch)]),
        resource("/uploads/{id}", vec![get(uploads::show), delete(uploads::cancel)]),
        resource("/uploads/{id}/complete", vec![post(uploads::complete)]),
        resource("/uploads/{id}/parts", vec![get(uploads::list_parts), post(uploads::sign_parts)]),
        resource("/uploads/{id}/renew", vec![post(uploads::renew)]),
        resource("/profiles", vec![get(profiles::list)]),
        resource("/tickets", vec![post(tickets::open)]),
    ]
}

fn ops_table() -> Vec<Endpoint> {
    vec![
        resource("/livez", vec![get(health::livez)]),
        resource("/readyz", vec![get(health::readyz)]),
        resource("/metrics", vec![get(metrics::metrics)]),
    ]
}

/// A table, and the path below which it is registered.
#[cfg(test)]
type Scoped = (&'static str, Vec<Endpoint>);

/// Every route of both listeners, as they are registered: what the document is held against.
#[cfg(test)]
fn every_table() -> Vec<Scoped> {
    vec![
        ("", callback_table()),
        ("/v1", v1_table()),
        ("/compat", compat::table()),
        (compat::BY_TICKET, compat::table()),
        ("", openapi::table()),
        ("", page_table(true)),
        ("", ops_table()),
    ]
}
