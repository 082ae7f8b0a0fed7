use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{document, problems::example_name};
use crate::{
    grant::{
        completion::CompletionSource,
        event::EventType,
        grant::{GrantKind, State},
        profile::Method,
        request::enforced,
    },
    http::{every_table, problem::Code},
    oss::callback::CallbackBodyType,
};

fn written() -> Value {
    serde_json::to_value(document(None)).unwrap()
}

/// `GET /v1/uploads` and the like, with the operation.
fn operations(document: &Value) -> BTreeMap<String, Value> {
    let items = document["paths"].as_object().unwrap().iter();
    let operations = items.flat_map(|(path, item)| {
        let methods = ["get", "post", "delete", "put", "patch", "head", "options", "trace"];
        methods
            .into_iter()
            .filter_map(move |method| Some((format!("{} {path}", method.to_uppercase()), item.get(method)?.clone())))
    });
    operations.collect()
}

/// What a page is made of, and what leads to it, is nobody's business but the page's.
fn is_part_of_a_page(path: &str) -> bool {
    path == "/" || path.starts_with("/demo/") || path.starts_with("/docs/")
}

#[test]
fn every_route_is_documented_and_nothing_else() {
    let routes: BTreeSet<String> = every_table()
        .into_iter()
        .flat_map(|(scope, table)| {
            table.into_iter().flat_map(move |endpoint| {
                let path = format!("{scope}{}", endpoint.path());
                let methods: Vec<_> = endpoint.allow().split(", ").map(str::to_owned).collect();
                methods.into_iter().map(move |method| (method, path.clone()))
            })
        })
        // Whatever answers GET may answer HEAD: that is said once.
        .filter(|(method, path)| method != "HEAD" && !is_part_of_a_page(path))
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(operations(&written()).into_keys().collect::<BTreeSet<_>>(), routes);
}

#[test]
fn no_route_is_registered_past_the_tables() {
    let paths: BTreeSet<String> =
        every_table().into_iter().flat_map(|(_, table)| table).map(|endpoint| endpoint.path().to_owned()).collect();
    let mut named = BTreeSet::new();
    for (file, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let literals = |before: &str| -> Vec<String> {
            let rest = code.split(before).skip(1);
            rest.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
        };
        named.extend(literals("resource(\"").into_iter().chain(literals("endpoint(\"")));
        if !file.ends_with("http/resource.rs") {
            assert!(!code.contains(".route("), "{file} registers a route of its own");
            let own = literals("web::resource(");
            let allowed = code.matches("web::resource(\"/-/static\")").count();
            assert_eq!(own.len(), allowed, "{file} registers a resource of its own");
        }
    }
    named.remove("/-/static");
    let unlisted: Vec<_> = named.difference(&paths).collect();
    assert!(unlisted.is_empty(), "not in http::every_table: {unlisted:?}");
}

fn sources() -> Vec<(String, String)> {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http"))];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                sources.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources
}

#[test]
fn every_operation_is_described_and_its_problems_are_in_the_table() {
    let document = written();
    let mut ids = BTreeSet::new();
    for (route, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        let base = id.strip_suffix("ByTicket").unwrap_or(&id);
        assert!(super::problems::problems_of(base).is_some(), "{route}: {id} has no row in problems.rs");
        for field in ["summary", "description"] {
            assert!(operation[field].as_str().is_some_and(|text| text.len() > 5), "{route} has no {field}");
        }
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{route} needs one tag");
        assert!(ids.insert(id), "{route}: an operationId twice");
    }
    let bases: BTreeSet<_> = ids.iter().map(|id| id.strip_suffix("ByTicket").unwrap_or(id)).collect();
    let listed: BTreeSet<_> = super::problems::operations().collect();
    assert_eq!(listed, bases, "rows of problems.rs, and operations");
}

#[test]
fn every_code_is_documented_with_an_example_of_its_own() {
    let document = written();
    let paths = document["paths"].to_string() + &document["components"]["responses"].to_string();
    for &code in Code::ALL {
        let name = example_name(code);
        assert!(paths.contains(&format!("\"#/components/examples/{name}\"")), "no operation answers {name}");
        let example = &document["components"]["examples"][&name]["value"];
        assert_eq!(example["code"], code.as_str(), "{name}");
        assert_eq!(example["status"], code.status().as_u16(), "{name}");
        let is_ours = code.status().is_server_error();
        let says_something = example["detail"] != "nothing is lost; try again later";
        assert!(is_ours || says_something, "{name} has no detail of its own in problems.rs");
    }
}

#[test]
fn every_good_answer_and_every_request_has_an_example() {
    let document = written();
    let webhooks = document["webhooks"].as_object().unwrap().values().map(|item| item["post"].clone());
    for operation in operations(&document).into_values().chain(webhooks) {
        let id = operation["operationId"].as_str().unwrap();
        // Text, and the document itself.
        let is_page = operation["tags"][0] == "Pages" || id == "getMetrics";
        let responses =
            operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
        let bodies = responses.map(|(_, response)| response).chain([&operation["requestBody"]]);
        let contents = bodies.filter_map(|body| body["content"].as_object()).flat_map(|content| content.values());
        for content in contents {
            assert!(
                is_page || content["examples"].as_object().is_some_and(|all| !all.is_empty()),
                "{id} lacks an example"
            );
        }
    }
}

#[test]
fn every_example_belongs_to_an_operation() {
    let document = written();
    let webhooks = document["webhooks"].as_object().unwrap().values().map(|item| item["post"].clone());
    let ids: BTreeSet<String> = operations(&document)
        .into_values()
        .chain(webhooks)
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let examples: BTreeMap<String, Value> = serde_json::from_str(super::examples::EXAMPLES).unwrap();
    let lost: Vec<_> = examples.keys().filter(|id| !ids.contains(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// The words that a schema lists.
fn words(document: &Value, schema: &str) -> BTreeSet<String> {
    let listed = document["components"]["schemas"][schema]["enum"].as_array();
    listed
        .unwrap_or_else(|| panic!("{schema} lists no words"))
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_words_are_those_that_are_served() {
    let document = written();
    let all = |values: &[Value]| values.iter().map(|word| word.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    let states = [State::Issued, State::Completed, State::Rejected, State::Expired, State::Cancelled];
    assert_eq!(words(&document, "State"), all(&states.map(|state| json!(state))));
    assert_eq!(words(&document, "Method"), all(&Method::ALL.map(|method| json!(method))));
    let sources = [CompletionSource::Callback, CompletionSource::Complete, CompletionSource::Reconciled];
    assert_eq!(words(&document, "CompletionSource"), all(&sources.map(|source| json!(source))));
    let types = [CallbackBodyType::Form, CallbackBodyType::Json];
    assert_eq!(words(&document, "CallbackBodyType"), all(&types.map(|kind| json!(kind))));
    let events = [EventType::Completed, EventType::Rejected, EventType::Expired, EventType::Changed];
    assert_eq!(words(&document, "EventType"), all(&events.map(|kind| json!(kind.as_str()))));
    assert_eq!(words(&document, "DirectoryKind"), all(&[json!(GrantKind::Directory.as_str())]));
    let kinds = [GrantKind::Upload, GrantKind::Directory];
    let enforced: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| Method::ALL.into_iter().flat_map(move |method| enforced(kind, method)))
        .map(|word| json!(word))
        .collect();
    assert_eq!(words(&document, "Enforced"), all(&enforced));
}

#[test]
fn the_address_is_the_configured_one() {
    let document = serde_json::to_value(document(Some("https://uploads.example.com/valet"))).unwrap();
    assert_eq!(document["servers"][0]["url"], "https://uploads.example.com/valet");
}
