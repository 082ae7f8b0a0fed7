//! `/openapi.json`, and `/docs` with what it is made of: nothing comes from elsewhere.

use std::sync::{Arc, OnceLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ETag, EntityTag, Header, IfNoneMatch},
    web::{Bytes, Data, ServiceConfig},
};
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::Config;

use super::document;
use crate::http::{
    pieces::in_pieces,
    problem::{Code, Problem},
    resource::{Endpoint, get, register, resource},
};

/// Own scripts and styles only, and calls of this service alone. Swagger UI draws its icons from `data:` URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A part of the page.
struct Part {
    path: &'static str,
    content_type: &'static str,
    source: Source,
}

enum Source {
    /// Ours.
    Own(&'static str),
    /// Swagger UI's file of that name.
    SwaggerUi(&'static str),
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const PARTS: [Part; 5] = [
    Part {
        path: "/docs",
        content_type: "text/html; charset=utf-8",
        source: Source::Own(include_str!("page/docs.html")),
    },
    Part { path: "/docs/start.js", content_type: SCRIPT, source: Source::Own(include_str!("page/start.js")) },
    Part { path: "/docs/page.css", content_type: STYLE, source: Source::Own(include_str!("page/page.css")) },
    Part { path: "/docs/swagger-ui.css", content_type: STYLE, source: Source::SwaggerUi("swagger-ui.css") },
    Part {
        path: "/docs/swagger-ui-bundle.js",
        content_type: SCRIPT,
        source: Source::SwaggerUi("swagger-ui-bundle.js"),
    },
];

/// The document: made when it is first asked for, and once for all workers.
#[derive(Debug, Default)]
pub struct ApiDocument {
    public_url: Option<String>,
    served: OnceLock<Served>,
}

impl ApiDocument {
    /// Of a service that is reached there; without a slash at its end.
    pub fn new(public_url: Option<String>) -> Self {
        Self { public_url, served: OnceLock::new() }
    }

    fn served(&self) -> &Served {
        self.served.get_or_init(|| Served::new(self.public_url.as_deref()))
    }
}

/// The document as it is served.
#[derive(Debug)]
struct Served {
    json: Bytes,
    tag: EntityTag,
}

impl Served {
    fn new(public_url: Option<&str>) -> Self {
        let json = serde_json::to_vec(&document(public_url)).expect("a document is plain data with text keys");
        let tag = hex::encode(&Sha256::digest(&json)[..16]);
        Self { json: json.into(), tag: EntityTag::new_strong(tag) }
    }
}

/// Adds the routes.
pub(in crate::http) fn configure(document: &Arc<ApiDocument>, app: &mut ServiceConfig) {
    app.app_data(Data::from(Arc::clone(document)));
    register(table(), app);
}

/// The routes.
pub(in crate::http) fn table() -> Vec<Endpoint> {
    let parts = PARTS.iter().map(|part| resource(part.path, vec![get(move || serve(part))]));
    [resource("/openapi.json", vec![get(openapi_json)])].into_iter().chain(parts).collect()
}

async fn openapi_json(http: HttpRequest, document: Data<ApiDocument>) -> HttpResponse {
    let served = document.served();
    let is_known = match IfNoneMatch::parse(&http) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&served.tag)),
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header(ETag(served.tag.clone()))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // Tools run in pages of any origin.
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    if is_known {
        response.finish()
    } else {
        response.content_type("application/json").body(in_pieces(served.json.clone()))
    }
}

#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn serve(part: &'static Part) -> Result<HttpResponse, Problem> {
    let body = match part.source {
        Source::Own(text) => Bytes::from_static(text.as_bytes()),
        Source::SwaggerUi(name) => swagger_ui_file(name)?,
    };
    Ok(HttpResponse::Ok()
        .content_type(part.content_type)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(in_pieces(body)))
}

fn swagger_ui_file(name: &str) -> Result<Bytes, Problem> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("")));
    let file = file.ok().flatten().ok_or_else(|| Problem::new(Code::NotFound, "no such path"))?;
    Ok(Bytes::from(file.bytes.into_owned()))
}
