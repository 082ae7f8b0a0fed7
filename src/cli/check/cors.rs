//! Whether a bucket's cross-origin rules let the pages upload that may call us.

use std::collections::BTreeSet;

use super::finding::Level::{self, Fault, Warning};
use crate::{
    grant::profile::{Method, Profile},
    oss::xml::CorsRule,
};

/// What an SDK in a page sends with temporary credentials.
const SDK_HEADERS: [&str; 7] = [
    "authorization",
    "content-type",
    "x-oss-callback",
    "x-oss-callback-var",
    "x-oss-date",
    "x-oss-security-token",
    "x-oss-user-agent",
];

/// What must be allowed for one HTTP method.
struct Need {
    http: &'static str,
    headers: BTreeSet<String>,
    /// Of the lack of a header: a form's page sends headers of its own only if it wants to.
    level: Level,
    /// Of an unreadable `ETag`: in parts it is what completes.
    etag: Level,
}

/// What is missing, in words.
pub(super) fn judge_cors(rules: &[CorsRule], profiles: &[&Profile], origins: &[String]) -> Vec<(Level, String)> {
    let needs = needs(profiles);
    let mut found = Vec::new();
    for origin in origins {
        for need in &needs {
            found.extend(missing(rules, origin, need));
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found.dedup();
    found
}

fn missing(rules: &[CorsRule], origin: &str, need: &Need) -> Vec<(Level, String)> {
    let Need { http, headers, level, etag } = need;
    let meant: Vec<_> = rules.iter().filter(|rule| rule.allows_origin(origin) && rule.allows_method(http)).collect();
    // Of those the first that also allows the headers answers the preflight; the first of all answers the upload.
    let Some(answers) = meant.first() else {
        return vec![(Fault, format!("CORS: pages of `{origin}` may not {http}: allow origin and method in one rule"))];
    };
    let mut found = Vec::new();
    if !meant.iter().any(|rule| headers.iter().all(|name| rule.allows_header(name))) {
        let lacking: Vec<_> = headers.iter().filter(|name| !answers.allows_header(name)).map(String::as_str).collect();
        let lacking = lacking.join(", ");
        let message = format!("CORS: {http} from `{origin}` may not send {lacking}: allow content-type and x-oss-*");
        found.push((*level, message));
    }
    for (name, level) in [("ETag", *etag), ("x-oss-request-id", Warning)] {
        if !answers.exposes(name) {
            found.push((level, format!("CORS: pages of `{origin}` can't read {name} after {http}: expose it")));
        }
    }
    found
}

fn needs(profiles: &[&Profile]) -> Vec<Need> {
    let methods: BTreeSet<_> =
        profiles.iter().flat_map(|profile| &profile.methods).map(|method| method.as_str()).collect();
    let offers = |method: Method| methods.contains(method.as_str());
    let in_parts = if offers(Method::Multipart) || offers(Method::Sts) { Fault } else { Warning };
    let mut needs = Vec::new();
    if offers(Method::Post) || offers(Method::Sts) {
        let mut headers = BTreeSet::from(["content-type".to_owned(), "x-oss-forbid-overwrite".to_owned()]);
        let level = if offers(Method::Sts) { Fault } else { Warning };
        if offers(Method::Sts) {
            headers.extend(SDK_HEADERS.map(str::to_owned));
        }
        needs.push(Need { http: "POST", headers, level, etag: in_parts });
    }
    if offers(Method::Put) || offers(Method::Multipart) || offers(Method::Sts) {
        let headers = put_headers(profiles);
        needs.push(Need { http: "PUT", headers, level: Fault, etag: in_parts });
    }
    needs
}

/// Those that grants of these profiles have their clients send (parts are sent with a type, as browsers do).
fn put_headers(profiles: &[&Profile]) -> BTreeSet<String> {
    let mut headers = BTreeSet::from(["content-type".to_owned()]);
    for profile in profiles {
        if profile.methods.contains(&Method::Put) {
            let own = [
                ("x-oss-forbid-overwrite", !profile.overwrite),
                ("x-oss-meta-upload-id", profile.shares_keys()),
                ("x-oss-object-acl", profile.object_acl.is_some()),
            ];
            headers.extend(own.into_iter().filter(|(_, sent)| *sent).map(|(name, _)| name.to_owned()));
            headers.extend(profile.headers.iter().map(|(name, _)| name.to_ascii_lowercase()));
        }
        if profile.methods.contains(&Method::Sts) {
            headers.extend(SDK_HEADERS.map(str::to_owned));
        }
    }
    headers
}
