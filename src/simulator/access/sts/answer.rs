//! What STS answers: JSON or XML.

use std::borrow::Cow;

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use serde_json::{Value, json};

use super::call::Call;
use crate::{oss::xml::escape, simulator::errors::OssError};

/// A refusal of STS, or of the API gateway before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StsError {
    status: u16,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
}

impl StsError {
    pub(super) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// A parameter that every call of the action has.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(400, format!("Missing{parameter}"), format!("{parameter} is mandatory for this action."))
    }

    pub(super) fn wrongly_formed(parameter: &str) -> Self {
        let message = format!("The parameter {parameter} is wrongly formed.");
        Self::new(400, format!("InvalidParameter.{parameter}"), message)
    }

    pub(super) fn not_permitted() -> Self {
        Self::new(403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.")
    }

    pub(super) fn no_such_role() -> Self {
        Self::new(404, "EntityNotExist.Role", "The specified Role not exists .")
    }

    pub(super) fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error.cause = %cause, "the simulator's STS failed");
        Self::new(500, "InternalError", "STS Server Internal Error happened, please send the RequestId to us.")
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// A fault on demand, in STS's words where those differ.
    pub(super) fn on_demand(error: OssError) -> Self {
        match error.code.as_ref() {
            "TotalQpsLimitExceeded" => Self::throttled(),
            _ => Self::new(error.status.as_u16(), error.code, error.message),
        }
    }

    pub(super) fn throttled() -> Self {
        Self::new(400, "Throttling.User", "Request was denied due to user flow control.")
    }

    pub(super) fn response(&self, call: &Call) -> HttpResponse {
        let document = json!({
            "RequestId": call.request_id,
            "HostId": call.host,
            "Code": self.code,
            "Message": self.message,
            "Recommend": format!("https://api.aliyun.com/troubleshoot?q={}&product=Sts&requestId={}", self.code, call.request_id),
        });
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        write(call, HttpResponse::build(status), "Error", &document)
    }
}

/// The answer of an action, with its request id.
pub(super) fn success(call: &Call, mut answer: Value) -> HttpResponse {
    answer["RequestId"] = call.request_id.clone().into();
    let root = format!("{}Response", call.action.as_deref().unwrap_or_default());
    write(call, HttpResponse::Ok(), &root, &answer)
}

fn write(call: &Call, mut response: HttpResponseBuilder, root: &str, document: &Value) -> HttpResponse {
    response.insert_header(("x-acs-request-id", call.request_id.clone())).insert_header(("cache-control", "no-store"));
    if call.xml {
        let mut text = String::from("<?xml version='1.0' encoding='UTF-8'?>");
        push_xml(&mut text, root, document);
        response.content_type("text/xml;charset=utf-8").body(text)
    } else {
        response.json(document)
    }
}

/// An object's members become elements.
fn push_xml(out: &mut String, name: &str, value: &Value) {
    for part in ["<", name, ">"] {
        out.push_str(part);
    }
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| push_xml(out, name, value)),
        Value::String(text) => out.push_str(&escape(text)),
        other => out.push_str(&other.to_string()),
    }
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
}
