//! The caller extractor: a handler that takes it is for authenticated users only.

use std::{ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use futures_util::future::LocalBoxFuture;
use tracing::Span;

use super::{
    house::House,
    limits::charge_user,
    problem::{Code, Problem},
};
use crate::app::ports::{Caller, Unauthenticated};

/// The verified caller of this request.
#[derive(Debug, Clone)]
pub struct SignedIn(Arc<Caller>);

impl SignedIn {
    /// Who it is.
    pub(super) fn into_caller(self) -> Arc<Caller> {
        self.0
    }
}

impl Deref for SignedIn {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequest for SignedIn {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let house = House::of(&request);
            let token = bearer_token(&request)?;
            match house.authenticator.authenticate(token, house.valet.clock.now()).await {
                Ok(caller) => {
                    known(&request, &caller);
                    charge_user(&request, &caller.user_id)?;
                    Ok(Self(caller))
                }
                Err(Unauthenticated::InvalidToken(why)) => Err(unauthorized("invalid_token", &why)),
                Err(error @ Unauthenticated::KeysUnavailable) => {
                    Err(Problem::ours(Code::CredentialsUnavailable, &error))
                }
            }
        })
    }
}

/// Who asks, for the span and the log lines of the request.
#[derive(Debug, Clone)]
pub(super) struct KnownCaller(pub(super) Arc<Caller>);

/// From now on the request is this caller's.
pub(super) fn known(request: &HttpRequest, caller: &Arc<Caller>) {
    Span::current().record("user.id", &caller.user_id);
    request.extensions_mut().insert(KnownCaller(Arc::clone(caller)));
}

fn bearer_token(request: &HttpRequest) -> Result<&str, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(unauthorized("invalid_request", "one Authorization header is needed"));
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| unauthorized("invalid_request", "the Authorization header must be `Bearer <token>`"))
}

/// 401 as RFC 6750 words it.
pub(super) fn unauthorized(error: &str, why: &str) -> Problem {
    let plain: String = why.chars().filter(|c| (' '..='~').contains(c) && !matches!(c, '"' | '\\')).collect();
    Problem::new(Code::Unauthorized, why)
        .with_header(header::WWW_AUTHENTICATE, format!("Bearer error=\"{error}\", error_description=\"{plain}\""))
}
