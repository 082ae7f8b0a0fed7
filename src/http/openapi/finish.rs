//! What all operations have in common: their problems with examples, the response headers, the second way into the drop-in shapes.

use std::collections::BTreeMap;

use utoipa::openapi::{
    Content, Header, HeaderBuilder, OpenApi, RefOr, Required, Response, ResponseBuilder,
    content::ContentBuilder,
    example::ExampleBuilder,
    path::{Operation, ParameterBuilder, ParameterIn, PathItem},
    schema::{ObjectBuilder, Ref, Type},
    security::SecurityRequirement,
    server::{ServerBuilder, ServerVariableBuilder},
};

use super::problems::{example_name, example_of, problems_of};
use crate::http::{
    compat::BY_TICKET,
    problem::{Code, PROBLEM_JSON},
};

/// Where bodies may be left out, as `{}` stands for them.
const BODY_OPTIONAL: [&str; 4] =
    ["completeUpload", "renewUpload", "companionCompleteMultipart", "companionCreateMultipart"];

/// The response headers, by the name that they have among the components.
const HEADERS: [(&str, &str, &str); 8] = [
    (
        "x-request-id",
        "The request's id in our log; an inbound one is kept if it is `[A-Za-z0-9._-]{1,64}`.",
        "^[A-Za-z0-9._-]{1,64}$",
    ),
    ("Location", "Where the grant is to be found.", "^/v1/uploads/"),
    ("Idempotency-Replayed", "`true` when this repeats an earlier answer.", "^true$"),
    ("Retry-After", "Seconds to wait before asking again.", "^[0-9]+$"),
    ("RateLimit", "What is left of the limits that apply (draft-ietf-httpapi-ratelimit-headers).", ""),
    ("RateLimit-Policy", "The limits that apply.", ""),
    ("WWW-Authenticate", "What is wrong with the token, as RFC 6750 words it.", "^Bearer error="),
    ("Allow", "The methods that this path takes.", "^[A-Z]+(, [A-Z]+)*$"),
];

const LIMIT_HEADERS: &[&str] = &["RateLimit", "RateLimit-Policy"];
const CREATED_HEADERS: &[&str] = &["Location", "Idempotency-Replayed"];

/// Adds it all.
pub(super) fn finish(document: &mut OpenApi) {
    add_ticket_paths(document);
    let mut shared = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        if is_ops(path) {
            item.servers = Some(vec![ops_server()]);
        }
        for operation in operations_of(item) {
            finish_operation(path, operation, &mut shared);
        }
    }
    let components = document.components.get_or_insert_default();
    components.responses.extend(shared);
    for (name, about, pattern) in HEADERS {
        components.headers.insert(name.to_owned(), header(about, pattern).into());
    }
    for &code in Code::ALL {
        let example = ExampleBuilder::new().summary(code.title()).value(Some(example_of(code))).build();
        components.examples.insert(example_name(code), example.into());
    }
}

/// The operations of a path. We have no other methods.
pub(super) fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.delete].into_iter().filter_map(Option::as_mut)
}

fn is_ops(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/metrics")
}

fn is_limited(path: &str) -> bool {
    path != "/v1/callbacks/oss" && (path.starts_with("/v1/") || path.starts_with("/compat/"))
}

/// Every drop-in shape is there a second time, for who comes with a ticket.
fn add_ticket_paths(document: &mut OpenApi) {
    let shapes =
        document.paths.paths.iter().filter_map(|(path, item)| Some((path.strip_prefix("/compat")?, item.clone())));
    let by_ticket: Vec<_> = shapes.map(|(shape, item)| (format!("{BY_TICKET}{shape}"), with_ticket(item))).collect();
    document.paths.paths.extend(by_ticket);
}

fn with_ticket(mut item: PathItem) -> PathItem {
    let ticket = ParameterBuilder::new()
        .name("ticket")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(
            "A ticket of `POST /v1/tickets`: it says who calls, and for which profile. Takes the place of the token.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    for operation in operations_of(&mut item) {
        operation.operation_id = operation.operation_id.take().map(|id| format!("{id}ByTicket"));
        operation.security = Some(vec![SecurityRequirement::default()]);
        operation.parameters.get_or_insert_default().insert(0, ticket.clone().into());
    }
    item
}

/// Problems that several operations have in common, by name.
type Shared = BTreeMap<String, RefOr<Response>>;

fn finish_operation(path: &str, operation: &mut Operation, shared: &mut Shared) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let base = id.strip_suffix("ByTicket").unwrap_or(&id);
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && BODY_OPTIONAL.contains(&base)
    {
        body.required = None;
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            let limits = if is_limited(path) { LIMIT_HEADERS } else { &[] };
            let created = if base == "issueUpload" && status == "201" { CREATED_HEADERS } else { &[] };
            add_headers(response, limits.iter().chain(created));
        }
    }
    for (status, codes) in by_status(problems_of(base).unwrap_or_default()) {
        let problem = problem_ref(status, &codes, shared);
        operation.responses.responses.insert(status.to_string(), problem);
    }
}

fn by_status(codes: Vec<Code>) -> BTreeMap<u16, Vec<Code>> {
    let mut groups: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        groups.entry(code.status().as_u16()).or_default().push(code);
    }
    groups
}

/// One or two codes are what many operations have; longer lists are their operation's own.
fn problem_ref(status: u16, codes: &[Code], shared: &mut Shared) -> RefOr<Response> {
    let response = problem_response(status, codes).into();
    if codes.len() > 2 {
        return response;
    }
    let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let name = format!("{status}_{}", names.join("-"));
    let at = format!("#/components/responses/{name}");
    shared.insert(name, response);
    RefOr::Ref(Ref::new(at))
}

fn problem_response(status: u16, codes: &[Code]) -> Response {
    let titles: Vec<_> = codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title())).collect();
    let examples = codes.iter().map(|&code| {
        let name = example_name(code);
        (code.as_str(), RefOr::Ref(Ref::new(format!("#/components/examples/{name}"))))
    });
    let content: Content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).examples_from_iter(examples).build();
    let mut response = ResponseBuilder::new().description(titles.join(" ")).content(PROBLEM_JSON, content).build();
    let headers: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        405 => &["Allow"],
        429 => &["Retry-After", "RateLimit", "RateLimit-Policy"],
        _ => &[],
    };
    add_headers(&mut response, headers.iter());
    response
}

/// Those that are named, and the one that every answer has.
fn add_headers<'a>(response: &mut Response, names: impl Iterator<Item = &'a &'static str>) {
    for name in ["x-request-id"].iter().chain(names) {
        let at = format!("#/components/headers/{name}");
        response.headers.insert((*name).to_owned(), RefOr::Ref(Ref::new(at)));
    }
}

fn header(about: &str, pattern: &str) -> Header {
    let pattern = Some(pattern).filter(|pattern| !pattern.is_empty());
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(pattern);
    HeaderBuilder::new().schema(Some(text)).description(Some(about)).build()
}

/// The operations listener is a port of its own.
fn ops_server() -> utoipa::openapi::Server {
    let host = ServerVariableBuilder::new().default_value("127.0.0.1").description(Some("Inside alone."));
    let port = ServerVariableBuilder::new().default_value("9090").description(Some("`server.ops_listen`."));
    ServerBuilder::new()
        .url("http://{host}:{port}")
        .description(Some("The operations listener."))
        .parameter("host", host)
        .parameter("port", port)
        .build()
}
