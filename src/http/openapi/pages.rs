//! What browsers and developers fetch, as the document tells of it. The handlers serve files of many paths; here are those paths that
//! somebody would look for.
#![expect(dead_code, reason = "for the document only")]

use utoipa::ToSchema;

/// Text.
#[derive(ToSchema)]
#[schema(as = Text)]
struct Text(String);

#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenapi",
    tag = "Pages",
    summary = "This document",
    description = "With an `ETag`, and open to pages of any origin.",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of the copy that is there.")),
    responses(
        (status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"),
        (status = 304, description = "The copy is the same.")
    ),
    security(())
)]
pub(super) fn openapi_json() {}

#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "getDocs",
    tag = "Pages",
    summary = "This document, to read and to try",
    description = "Swagger UI; it loads nothing from elsewhere.",
    responses((status = 200, description = "A page.", body = Text, content_type = "text/html; charset=utf-8")),
    security(())
)]
pub(super) fn docs() {}

#[utoipa::path(
    get,
    path = "/client.js",
    operation_id = "getClient",
    tag = "Pages",
    summary = "The client library for web pages",
    description = "Asks, sends, retries, resumes. An ECMAScript module.",
    responses((status = 200, description = "The module.", body = Text, content_type = "text/javascript; charset=utf-8")),
    security(())
)]
pub(super) fn client() {}

#[utoipa::path(
    get,
    path = "/client.d.ts",
    operation_id = "getClientTypings",
    tag = "Pages",
    summary = "The client library's typings",
    description = "For TypeScript.",
    responses((status = 200, description = "The typings.", body = Text, content_type = "text/plain; charset=utf-8")),
    security(())
)]
pub(super) fn client_typings() {}

#[utoipa::path(
    get,
    path = "/demo",
    operation_id = "getDemo",
    tag = "Pages",
    summary = "The demo page",
    description = "Where `demo.enabled` is set.",
    responses((status = 200, description = "A page.", body = Text, content_type = "text/html; charset=utf-8")),
    security(())
)]
pub(super) fn demo() {}
