//! The routes, on actix-web. [`configure`] is the whole public surface on one screen.

pub mod callback_refusals;
pub mod caller;
pub mod client_address;
pub mod compat;
pub mod cors;
pub mod drain;
pub mod house;
pub mod json_body;
pub mod limits;
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

use actix_web::{
    ResponseError as _,
    middleware::{Condition, from_fn},
    web::{self, ServiceConfig},
};

use self::{
    cors::cors,
    limits::limit,
    resource::{delete, get, post, resource},
    routes::{callbacks, demo, health, metrics, profiles, tickets, uploads},
};

/// What the public listener is told beside its app data.
#[derive(Debug, Clone, Default)]
pub struct PublicRoutes {
    /// Origins that browsers may call from; `*` allows all.
    pub cors_origins: Vec<String>,
    /// Whether `/demo` is there.
    pub demo: bool,
    /// Answers this on `/-/static`: the benchmark's ceiling.
    pub static_answer: Option<web::Bytes>,
}

/// The public listener's routes.
pub fn configure(routes: &PublicRoutes, app: &mut ServiceConfig) {
    app.service(resource("/v1/callbacks/oss", vec![post(callbacks::accept)]));
    app.service(
        web::scope("/v1")
            .wrap(from_fn(|request, next| limit(request, next, |_, problem| problem.error_response())))
            .wrap(Condition::new(!routes.cors_origins.is_empty(), cors(&routes.cors_origins)))
            .service(resource("/uploads", vec![get(uploads::list), post(uploads::issue)]))
            .service(resource("/uploads/batch", vec![post(uploads::issue_batch)]))
            .service(resource("/uploads/{id}", vec![get(uploads::show), delete(uploads::cancel)]))
            .service(resource("/uploads/{id}/complete", vec![post(uploads::complete)]))
            .service(resource("/uploads/{id}/parts", vec![get(uploads::list_parts), post(uploads::sign_parts)]))
            .service(resource("/uploads/{id}/renew", vec![post(uploads::renew)]))
            .service(resource("/profiles", vec![get(profiles::list)]))
            .service(resource("/tickets", vec![post(tickets::open)]))
            .default_service(web::to(resource::not_found)),
    );
    compat::configure(&routes.cors_origins, app);
    demo::configure(routes.demo, app);
    if let Some(answer) = routes.static_answer.clone() {
        app.service(web::resource("/-/static").to(move || health::fixed_answer(answer.clone())));
    }
    app.default_service(web::to(resource::not_found));
}

/// The operations listener's routes.
pub fn configure_ops(app: &mut ServiceConfig) {
    app.service(resource("/livez", vec![get(health::livez)]))
        .service(resource("/readyz", vec![get(health::readyz)]))
        .service(resource("/metrics", vec![get(metrics::metrics)]))
        .default_service(web::to(resource::not_found));
}
