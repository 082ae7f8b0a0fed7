//! `/client.js` (+ `.d.ts`), and the demo page where it is enabled.

use actix_web::{HttpResponse, http::header};

use crate::{
    demo::{Asset, CLIENT, CONTENT_SECURITY_POLICY, PAGE},
    http::resource::{Endpoint, get, resource},
};

/// The client library, and the demo page if wanted.
pub fn page_table(demo: bool) -> Vec<Endpoint> {
    let front_door = demo.then(|| resource("/", vec![get(go_to_demo)]));
    let assets = CLIENT.iter().chain(if demo { PAGE } else { &[] });
    front_door.into_iter().chain(assets.map(|asset| resource(asset.path, vec![get(move || serve(asset))]))).collect()
}

/// Who opens the service in a browser wants the page.
async fn go_to_demo() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, "/demo")).finish()
}

#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn serve(asset: &'static Asset) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        // The client library may be imported by pages of any origin.
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .body(asset.bytes)
}
