//! Examples of requests and good answers: `examples.json`, by operation, and then by status or `request`. The values are those of a real
//! run, with invented secrets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::{Content, OpenApi, Paths, RefOr, example::ExampleBuilder, path::Operation};

use super::finish::operations_of;

pub(super) const EXAMPLES: &str = include_str!("examples.json");

/// By operation, by place, by name.
type Examples = BTreeMap<String, BTreeMap<String, BTreeMap<String, Example>>>;

#[derive(Deserialize)]
struct Example {
    summary: String,
    value: Value,
}

/// Puts them where they belong. What comes by ticket looks as what comes with a token.
pub(super) fn add(document: &mut OpenApi) {
    let examples: Examples =
        serde_json::from_str(EXAMPLES).expect("examples.json is part of the program, and a test reads it");
    let OpenApi { paths, webhooks, .. } = document;
    let items =
        [Some(paths), webhooks.as_mut()].into_iter().flatten().flat_map(|Paths { paths, .. }| paths.values_mut());
    for operation in items.flat_map(operations_of) {
        let id = operation.operation_id.clone().unwrap_or_default();
        let places = examples.get(id.strip_suffix("ByTicket").unwrap_or(&id));
        for (place, named) in places.into_iter().flatten() {
            for content in contents_at(operation, place) {
                content.examples.extend(named.iter().map(|(name, example)| (name.clone(), example.to_component())));
            }
        }
    }
}

impl Example {
    fn to_component(&self) -> RefOr<utoipa::openapi::example::Example> {
        ExampleBuilder::new().summary(&self.summary).value(Some(self.value.clone())).build().into()
    }
}

/// The bodies at a place of an operation, in whatever content types there are.
fn contents_at<'a>(operation: &'a mut Operation, place: &str) -> Vec<&'a mut Content> {
    let contents: Vec<&mut RefOr<Content>> = match place {
        "request" => match &mut operation.request_body {
            Some(RefOr::T(body)) => body.content.values_mut().collect(),
            _ => Vec::new(),
        },
        status => match operation.responses.responses.get_mut(status) {
            Some(RefOr::T(response)) => response.content.values_mut().collect(),
            _ => Vec::new(),
        },
    };
    let inline = |content: &'a mut RefOr<Content>| if let RefOr::T(content) = content { Some(content) } else { None };
    contents.into_iter().filter_map(inline).collect()
}
