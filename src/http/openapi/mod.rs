//! The OpenAPI 3.1 document, made from the handlers; where it is served, and the page that shows it.
//!
//! What an operation alone has (path, parameters, body, good answers) stands beside its handler; what many have is added here, from
//! tables: problems ([`problems`]), examples ([`examples`]), headers ([`finish`]).

mod examples;
mod finish;
mod pages;
mod problems;
pub(super) mod schemas;
mod serve;
#[cfg(test)]
mod tests;
mod webhooks;

use utoipa::{
    Modify, OpenApi,
    openapi::{
        SecurityRequirement, Server,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub use self::serve::ApiDocument;
pub(super) use self::serve::configure;
#[cfg(test)]
pub(super) use self::serve::table;
use super::{
    compat::{CompanionApi, CompatApi},
    problem::ProblemDocument,
    routes,
    routes::uploads::UploadsApi,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "oss-valet", description = include_str!("about.md"), license(name = "Apache-2.0", identifier = "Apache-2.0"),
         contact(name = "Whoever runs this service")),
    paths(
        routes::profiles::list,
        routes::tickets::open,
        routes::callbacks::accept,
        routes::health::livez,
        routes::health::readyz,
        routes::metrics::metrics,
        pages::openapi_json,
        pages::docs,
        pages::client,
        pages::client_typings,
        pages::demo,
    ),
    components(schemas(ProblemDocument)),
    tags(
        (name = "Uploads", description = "Leave to upload, and what became of it. Bearer token."),
        (name = "App servers", description = "What official samples and mobile SDKs ask for. Bearer token, or a ticket in the path."),
        (name = "Companion", description = "Uppy Companion's S3 contract. Bearer token, or a ticket in the path."),
        (name = "Callbacks", description = "OSS's way in."),
        (name = "Webhooks", description = "What is sent to the business backend."),
        (name = "Pages", description = "What browsers and developers fetch. Open to all."),
        (name = "Operations", description = "On the second port, inside alone."),
    ),
    modifiers(&Secured)
)]
struct Api;

/// The document. `public_url`: where the service is reached, without a slash at its end; else addresses are relative to the document's.
pub fn document(public_url: Option<&str>) -> utoipa::openapi::OpenApi {
    let mut document = Api::openapi();
    for part in
        [UploadsApi::openapi(), CompatApi::openapi(), CompanionApi::openapi(), webhooks::WebhookSchemas::openapi()]
    {
        document.merge(part);
    }
    document.webhooks = Some(webhooks::webhooks());
    let mut server = Server::new(public_url.unwrap_or("/"));
    server.description = Some("This service.".to_owned());
    document.servers = Some(vec![server]);
    finish::finish(&mut document);
    examples::add(&mut document);
    document
}

/// The document as it is printed and committed.
pub fn to_json(document: &utoipa::openapi::OpenApi) -> String {
    let mut json = serde_json::to_string_pretty(document).expect("a document is plain data with text keys");
    json.push('\n');
    json
}

/// Who may call.
struct Secured;

impl Modify for Secured {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("A JWT of a configured issuer."));
        let signature = ApiKeyValue::with_description(
            "authorization",
            "Base64 of OSS's RSA-MD5 signature over path, query and body.",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("ossSignature", SecurityScheme::ApiKey(ApiKey::Header(signature)));
        document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    }
}
