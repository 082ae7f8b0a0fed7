//! Why the key that a callback names is not trusted.

use super::capture::Capture;
use super::diagnose::is_oss;
use crate::oss::callback_signature::{TrustedKeys, UnverifiedCallback};

const OSS_HOST: &str = "gosspublic.alicdn.com";

/// The likely cause. `keys` are the trusted ones and OSS's own.
pub(super) fn likely_cause(
    capture: &Capture,
    callback: &UnverifiedCallback,
    trusted: &TrustedKeys,
    keys: &TrustedKeys,
) -> String {
    let url = callback.key_url();
    if let Some(known) = trusted.urls().find(|known| differ_in_scheme(known, url)) {
        let signed =
            if callback.signed_by(trusted).is_some() { "" } else { ", though the signature does not fit that key" };
        return format!("it differs from the trusted {known} only in http and https: trust both spellings{signed}");
    }
    if is_oss(url) {
        return "OSS's own key, which --trusted-key replaced: a callback of the real OSS reached a service that trusts others"
            .to_owned();
    }
    let fits = callback.signed_by(keys);
    if let Some(trusted) = fits {
        return format!(
            "the signature is good with the key of {trusted}: trust that key under this URL as well, if it is right"
        );
    }
    if let Some(known) =
        keys.urls().find(|known| known.trim_end_matches('/').eq_ignore_ascii_case(url.trim().trim_end_matches('/')))
    {
        return format!("it differs from {known} only in case, blanks or a slash: the URL must be exactly that");
    }
    let host = url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or("");
    if host == OSS_HOST {
        return "a file on OSS's host, but not its key: that host serves other files too. If Alibaba Cloud announces a new key, \
                give it by --trusted-key"
            .to_owned();
    }
    if capture.header("user-agent") == Some("aliyun-oss-callback") && host.starts_with("127.0.0.1") {
        return "a simulator's key: give it by --trusted-key URL=PEM_FILE".to_owned();
    }
    if url.contains("gosspublic") || url.contains("alicdn") {
        return "a look-alike of OSS's URL: someone tries to have his own key believed".to_owned();
    }
    "another key than OSS's: a simulator's or a private cloud's (give it by --trusted-key URL=PEM_FILE), or someone tries to \
     have his own believed"
        .to_owned()
}

fn differ_in_scheme(a: &str, b: &str) -> bool {
    let rest = |url: &str| url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).map(str::to_owned);
    a != b && rest(a).is_some() && rest(a) == rest(b)
}
