//! Resources that answer 405 with `Allow`, and 404, as problems.
//!
//! An [`Endpoint`] is one line of a route table. Tables are plain values, so that what is served and what is documented can be
//! held against each other.

use actix_web::{FromRequest, Handler, Resource, Responder, Route, guard, http::header, web, web::ServiceConfig};

use super::problem::{Code, Problem};

/// One method of a resource.
pub struct MethodRoute {
    allow: &'static str,
    route: Route,
}

/// `GET`; answers `HEAD` too, without the body.
pub fn get<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    MethodRoute { allow: "GET, HEAD", route: route.to(handler) }
}

/// `GET` alone, for what issues a grant by it because clients that exist ask so: `HEAD` would issue one that nobody gets to see.
pub fn issuing_get<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    MethodRoute { allow: "GET", route: web::get().to(handler) }
}

/// `POST`.
pub fn post<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    MethodRoute { allow: "POST", route: web::post().to(handler) }
}

/// `DELETE`.
pub fn delete<F, Args>(handler: F) -> MethodRoute
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    MethodRoute { allow: "DELETE", route: web::delete().to(handler) }
}

/// A path with its methods.
pub struct Endpoint {
    path: String,
    methods: Vec<MethodRoute>,
}

/// A path with these methods; any other is answered `405` with `Allow`.
pub fn resource(path: impl Into<String>, methods: Vec<MethodRoute>) -> Endpoint {
    Endpoint { path: path.into(), methods }
}

impl Endpoint {
    /// The path, relative to the scope that it is registered in.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What `Allow` says.
    pub fn allow(&self) -> String {
        self.methods.iter().map(|entry| entry.allow).collect::<Vec<_>>().join(", ")
    }

    /// The same as actix-web has it.
    pub fn into_resource(self) -> Resource {
        let allow = self.allow();
        let mut resource = web::resource(self.path);
        for entry in self.methods {
            resource = resource.route(entry.route);
        }
        resource.default_service(web::to(move || method_not_allowed(allow.clone())))
    }
}

/// Registers a route table.
pub fn register(table: Vec<Endpoint>, app: &mut ServiceConfig) {
    for endpoint in table {
        app.service(endpoint.into_resource());
    }
}

/// Answers `404` for what is not there.
///
/// # Errors
/// Always.
pub async fn not_found() -> Result<&'static str, Problem> {
    Err(Problem::new(Code::NotFound, "no such path"))
}

#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn method_not_allowed(allow: String) -> Result<&'static str, Problem> {
    let detail = format!("this path takes {allow}");
    Err(Problem::new(Code::MethodNotAllowed, detail).with_header(header::ALLOW, allow))
}
