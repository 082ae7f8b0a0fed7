//! Which pages may call us from a browser, and what they may read of the answers.

use std::{cell::RefCell, rc::Rc};

use actix_cors::Cors;
use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{Method, header},
};
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, Ready, ready},
};

use super::{house::House, request_id::X_REQUEST_ID};

/// How long a browser may keep a preflight's answer, in seconds.
const MAX_AGE: usize = 3600;

/// The CORS rules for `origins`; `*` allows every origin. Credentials are never allowed: we take bearer tokens only.
fn cors(origins: &[String]) -> Cors {
    let exposed = [
        header::DATE,
        header::RETRY_AFTER,
        header::LOCATION,
        X_REQUEST_ID,
        header::HeaderName::from_static("ratelimit"),
        header::HeaderName::from_static("ratelimit-policy"),
        header::HeaderName::from_static("idempotency-replayed"),
    ];
    let rules = Cors::default()
        .allowed_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_any_header()
        .expose_headers(exposed)
        .max_age(MAX_AGE);
    origins.iter().fold(rules, |rules, origin| {
        if origin == "*" { rules.allow_any_origin().send_wildcard() } else { rules.allowed_origin(origin) }
    })
}

/// Middleware: [`cors`] for the origins that the request's [`House`] allows; where it allows none, nothing is said of CORS at all.
#[derive(Debug, Clone, Copy)]
pub struct CorsInForce;

type Rules<S> = Rc<<Cors as Transform<Rc<S>, ServiceRequest>>::Transform>;

/// The service, and the rules around it that were used last.
pub struct CorsInForceService<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    service: Rc<S>,
    rules: RefCell<Option<(Vec<String>, Rules<S>)>>,
}

impl<S, B> Transform<S, ServiceRequest> for CorsInForce
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = CorsInForceService<S, B>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(CorsInForceService { service: Rc::new(service), rules: RefCell::default() }))
    }
}

impl<S, B> CorsInForceService<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    fn rules(&self, origins: &[String]) -> Rules<S> {
        let mut rules = self.rules.borrow_mut();
        match &*rules {
            Some((known, rules)) if known == origins => Rc::clone(rules),
            _ => {
                let made = cors(origins).new_transform(Rc::clone(&self.service)).now_or_never();
                let made = Rc::new(made.and_then(Result::ok).expect("settings hold well-formed origins"));
                *rules = Some((origins.to_vec(), Rc::clone(&made)));
                made
            }
        }
    }
}

impl<S, B> Service<ServiceRequest> for CorsInForceService<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let house = House::of(request.request());
        if house.cors_origins.is_empty() {
            let answer = self.service.call(request);
            return Box::pin(async move { Ok(answer.await?.map_into_left_body()) });
        }
        self.rules(&house.cors_origins).call(request)
    }
}
