//! JSON bodies, parsed at the door: capped, typed, every unknown or missing field named.

use std::time::Duration;

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Bytes};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;

use super::{
    house::House,
    problem::{Code, Problem},
};
use crate::grant::fault::{Fault, FaultCode};

/// What a request body looks like, to say exactly what is wrong with one that does not fit.
pub trait RequestBody: DeserializeOwned {
    /// Largest body, in bytes.
    const MAX_LEN: usize;
    /// Every field there is.
    const FIELDS: &'static [&'static str];
    /// Those that must be there.
    const REQUIRED: &'static [&'static str];
}

/// A parsed JSON body; an empty one counts as `{}`.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: RequestBody> FromRequest for JsonBody<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = check_content_type(request);
        let payload = payload.take();
        let house = House::of(request);
        let limits = &house.limits;
        let bounds = BodyBounds { max_len: T::MAX_LEN.min(limits.max_body()), patience: limits.body_patience() };
        Box::pin(async move {
            let body = bounds.read(payload).await?;
            if body.is_empty() {
                return parse(b"{}").map(Self);
            }
            content_type?;
            parse(&body).map(Self)
        })
    }
}

/// Parses a JSON value of a known shape.
///
/// # Errors
/// 400 for what is no JSON or of a wrong type, 422 for unknown and missing fields.
pub fn parse<T: RequestBody>(json: &[u8]) -> Result<T, Problem> {
    // A list would fill the fields in their order: no caller means that.
    if json.trim_ascii_start().first() == Some(&b'[') {
        return Err(no_object());
    }
    serde_json::from_slice(json).map_err(|error| explain::<T>(json, &error))
}

/// How large a body may be, and how long it may take to arrive.
#[derive(Debug, Clone, Copy)]
pub struct BodyBounds {
    max_len: usize,
    patience: Duration,
}

impl BodyBounds {
    /// So many bytes, whatever the settings say, in the time that they say.
    pub fn fixed(max_len: usize, request: &HttpRequest) -> Self {
        Self { max_len, patience: House::of(request).limits.body_patience() }
    }

    /// Reads a body within the bounds.
    ///
    /// # Errors
    /// 413 beyond the cap, 408 when it takes too long, 400 when it breaks off.
    pub async fn read(self, payload: Payload) -> Result<Bytes, Problem> {
        let late = |_| Problem::new(Code::RequestTimeout, "the body did not arrive in time");
        tokio::time::timeout(self.patience, read_capped(payload, self.max_len)).await.map_err(late)?
    }
}

async fn read_capped(mut payload: Payload, max_len: usize) -> Result<Bytes, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedJson, "the body broke off"))?;
        if body.len() + chunk.len() > max_len {
            return Err(Problem::new(Code::BodyTooLarge, format!("at most {max_len} bytes")));
        }
        if body.is_empty() {
            body.reserve(chunk.len());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

fn check_content_type(request: &HttpRequest) -> Result<(), Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType, "send Content-Type: application/json"))
    }
}

/// The slow path: what exactly is wrong with it.
fn explain<T: RequestBody>(json: &[u8], error: &serde_json::Error) -> Problem {
    let given = match serde_json::from_slice(json) {
        Ok(serde_json::Value::Object(given)) => given,
        Ok(_) => return no_object(),
        Err(_) => return Problem::new(Code::MalformedJson, error),
    };
    let unknown = given
        .keys()
        .filter(|name| !T::FIELDS.contains(&name.as_str()))
        .map(|name| Fault::new(name, FaultCode::UnknownField, "there is no such field"));
    let missing = T::REQUIRED
        .iter()
        .filter(|name| !given.contains_key(**name))
        .map(|name| Fault::new(*name, FaultCode::MissingField, "this field must be there"));
    let faults: Vec<_> = unknown.chain(missing).collect();
    if faults.is_empty() { Problem::new(Code::MalformedJson, error) } else { Problem::faulty(faults) }
}

fn no_object() -> Problem {
    Problem::new(Code::MalformedJson, "this must be a JSON object")
}
