//! What Uppy tells about a file, from a query or from JSON, as a request for a grant.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::query::QueryFields;
use crate::{
    app::{Valet, issue::IssueRequest},
    grant::{
        fault::{Fault, FaultCode},
        limits::UncheckedAsk,
        profile::{Method, Profile},
    },
    http::{
        compat::Entrant,
        json_body::RequestBody,
        problem::{Code, Problem},
        root_span::note_profile,
        whole::whole,
    },
};

/// Where the profile is named, where no ticket names it.
const PROFILE: &str = "profile";

/// What is known about the file.
#[derive(Default)]
pub(super) struct FileFacts {
    filename: Option<String>,
    content_type: Option<String>,
    size: Option<u64>,
    profile: Option<String>,
    metadata: Metadata,
}

/// Values that may become variables, found by name when the profile is known.
#[derive(Default)]
enum Metadata {
    #[default]
    None,
    Query(QueryFields),
    Json(Map<String, Value>),
}

/// The body of `POST multipart`: an object of which we read what we know.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct UploadBody(Map<String, Value>);

impl RequestBody for UploadBody {
    const MAX_LEN: usize = 64 * 1024;
    const FIELDS: &'static [&'static str] = &[];
    const REQUIRED: &'static [&'static str] = &[];
}

impl FileFacts {
    /// Of `filename`, `type`, `size` and `metadata[…]`.
    pub(super) fn of_query(query: QueryFields) -> Result<Self, Problem> {
        let text = |name| Ok::<_, Problem>(query.get(name)?.map(str::to_owned));
        let size = query.get("size")?.map(str::parse).transpose();
        Ok(Self {
            filename: text("filename")?,
            content_type: text("type")?.or(text("contentType")?),
            size: size.map_err(|_| Problem::invalid_parameter("size", "a whole number of bytes"))?,
            profile: text("metadata[profile]")?,
            metadata: Metadata::Query(query),
        })
    }

    /// Of the same names in a JSON object, `metadata` being an object in it.
    pub(super) fn of_json(UploadBody(mut body): UploadBody) -> Result<Self, Problem> {
        let metadata = match body.remove("metadata") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(metadata)) => metadata,
            Some(_) => return Err(wrong_type("metadata", "an object")),
        };
        let size = match body.get("size") {
            None | Some(Value::Null) => None,
            Some(size) => Some(
                size.as_u64().or_else(|| whole(size.as_f64()?)).ok_or_else(|| wrong_type("size", "a whole number"))?,
            ),
        };
        Ok(Self {
            filename: text(&body, "filename")?,
            content_type: text(&body, "type")?.or(text(&body, "contentType")?),
            size,
            profile: text(&metadata, PROFILE)?,
            metadata: Metadata::Json(metadata),
        })
    }

    /// The request for a grant by the first of `methods` that the profile lists.
    pub(super) fn into_request(
        self,
        valet: &Valet,
        entrant: &Entrant,
        methods: &[Method],
    ) -> Result<IssueRequest, Problem> {
        let name = entrant.profile(self.profile.as_deref(), "metadata.profile")?;
        note_profile(name);
        let profile = valet
            .profile_for(entrant, name)
            .ok_or_else(|| Problem::new(Code::ProfileNotAllowed, "this profile is not available to you"))?;
        let method = profile.methods.iter().find(|method| methods.contains(method)).ok_or_else(|| {
            let names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
            let why = format!("the profile does not offer {}", names.join(" or "));
            Problem::faulty(vec![Fault::new("method", FaultCode::MethodNotAllowedByProfile, why)])
        })?;
        let ask = UncheckedAsk {
            vars: self.metadata.vars(profile)?,
            filename: self.filename,
            content_type: self.content_type,
            size: self.size,
            method: Some(method.as_str().to_owned()),
        };
        Ok(IssueRequest { profile: profile.name.clone(), user_id: None, ask })
    }
}

impl Metadata {
    /// The variables that the profile lists. Uppy sends all it knows of a file, so the rest is none of our business.
    fn vars(&self, profile: &Profile) -> Result<BTreeMap<String, String>, Problem> {
        let mut vars = BTreeMap::new();
        for name in &profile.vars {
            let value = match self {
                Self::None => None,
                Self::Query(query) => query.get(&format!("metadata[{name}]"))?.map(str::to_owned),
                Self::Json(metadata) => as_var(name, metadata.get(name))?,
            };
            vars.extend(value.map(|value| (name.clone(), value)));
        }
        Ok(vars)
    }
}

fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong_type(name, "a string")),
    }
}

/// JavaScript keeps numbers and booleans as they are; in a query they would be texts.
fn as_var(name: &str, value: Option<&Value>) -> Result<Option<String>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
        Some(Value::Array(_) | Value::Object(_)) => {
            let why = "a text, a number or a boolean";
            Err(Problem::faulty(vec![Fault::new(format!("metadata.{name}"), FaultCode::InvalidVariable, why)]))
        }
    }
}

fn wrong_type(name: &str, expected: &str) -> Problem {
    Problem::new(Code::MalformedJson, format!("`{name}` must be {expected}"))
}
