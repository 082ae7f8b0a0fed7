//! `/client.js` (+ `.d.ts`), and the demo page where it is enabled.

use actix_web::web::ServiceConfig;

/// Adds the client library, and the demo page if wanted.
pub fn configure(_demo: bool, _app: &mut ServiceConfig) {}
