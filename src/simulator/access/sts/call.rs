//! A call as STS sees it: in RPC style all is a parameter, in ACS3 style action and version are headers.

use chrono::{DateTime, Utc};
use rand::{RngCore, rngs::OsRng};
use uuid::Uuid;

use super::answer::StsError;
use crate::{
    oss::encoding::decode_query,
    simulator::{body::Body, request::Incoming},
};

/// An OIDC token of 20 000 characters and a policy of 2048 fit, percent-encoded.
const MAX_BODY_BYTES: usize = 128 * 1024;

/// A call, read but not believed.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) host: String,
    /// Still percent-encoded.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    /// Query and form together.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) action: Option<String>,
    pub(super) version: Option<String>,
    /// Answer in XML: what RPC-style calls get unless they ask for JSON.
    pub(super) xml: bool,
    /// An upper-case UUID.
    pub(super) request_id: String,
    pub(super) now: DateTime<Utc>,
}

impl Call {
    /// Reads query, body and headers. A refusal comes with what is needed to answer it.
    pub(super) async fn read(incoming: &Incoming, path: &str, body: Body) -> Result<Self, (Self, StsError)> {
        let mut call = Self::of(incoming, path);
        let form = incoming.header("content-type").is_some_and(is_form);
        let Ok(text) = body.clone().read_text(MAX_BODY_BYTES).await else {
            body.drain().await;
            // No source gives STS's answer to an oversized body: an assumption.
            return Err((call, StsError::new(413, "RequestEntityTooLarge", "The request body is too large.")));
        };
        call.body = text;
        if form {
            call.parameters.extend(decode_query(&call.body).unwrap_or_default());
        }
        call.name_action();
        if !form && !call.body.is_empty() {
            let message = "The ContentType request header must be either \"application/json\" or \"application/x-www-form-urlencoded\".";
            return Err((call, StsError::new(400, "InvalidParameter.ContentType", message)));
        }
        Ok(call)
    }

    fn of(incoming: &Incoming, path: &str) -> Self {
        Self {
            method: incoming.method.clone(),
            host: incoming.host.clone(),
            path: path.to_owned(),
            headers: incoming.headers.clone(),
            query: incoming.query.clone(),
            parameters: incoming.query.clone(),
            body: String::new(),
            action: None,
            version: None,
            xml: false,
            request_id: request_id(),
            now: incoming.now,
        }
    }

    fn name_action(&mut self) {
        let either = |header: &str, parameter: &str| {
            self.header(header).or_else(|| self.parameter(parameter)).map(str::to_owned)
        };
        let (action, version) = (either("x-acs-action", "Action"), either("x-acs-version", "Version"));
        let json = match self.parameter("Format") {
            Some(format) => format.eq_ignore_ascii_case("JSON"),
            None => self.header("x-acs-action").is_some(),
        };
        (self.action, self.version, self.xml) = (action, version, !json);
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first parameter of this name; an empty one counts as not given.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// A parameter that the action can't do without.
    pub(super) fn needed(&self, name: &str) -> Result<&str, StsError> {
        self.parameter(name).ok_or_else(|| StsError::missing(name))
    }
}

fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn request_id() -> String {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .as_hyphenated()
        .encode_upper(&mut Uuid::encode_buffer())
        .to_owned()
}
