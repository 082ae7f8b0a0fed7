//! What loading can't refuse but an operator must know: `oss-valet check`, the part that needs no network.

mod addresses;
mod callback_size;
mod credentials;
mod endpoints;
mod limits;

use chrono::TimeDelta;
use url::Url;

use self::{
    addresses::may_be_public,
    callback_size::callback_sizes,
    credentials::{is_temporary, longest_session, session_duration},
};
use super::{BucketSettings, Environment, Fault, Settings};
use crate::{
    grant::profile::{Confirm, Method, Profile},
    oss::{
        callback_signature::OSS_KEY_URLS,
        presign::{MAX_V4_EXPIRY, MAX_V4_EXPIRY_WITH_TOKEN},
        request::SignatureVersion,
    },
};

/// OSS refuses longer `callback` and `callback-var` (P§1.4).
const MAX_CALLBACK_BYTES: usize = 5 * 1024;

/// Regions with callbacks (P§1.1, the list of 2025-09).
const CALLBACK_REGIONS: [&str; 22] = [
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-3",
    "ap-southeast-5",
    "ap-southeast-6",
    "cn-beijing",
    "cn-chengdu",
    "cn-guangzhou",
    "cn-hangzhou",
    "cn-heyuan",
    "cn-hongkong",
    "cn-huhehaote",
    "cn-qingdao",
    "cn-shanghai",
    "cn-shenzhen",
    "cn-wulanchabu",
    "cn-zhangjiakou",
    "eu-central-1",
    "eu-west-1",
    "me-east-1",
    "us-east-1",
    "us-west-1",
];

/// What was found, sorted by place and key.
#[derive(Debug, Default)]
pub struct Findings {
    /// These would break uploads or trust.
    pub faults: Vec<Fault>,
    /// These deserve a look.
    pub warnings: Vec<Fault>,
}

/// Examines settings that have loaded. `environment` tells whether `env` credentials are temporary ones.
pub fn check(settings: &Settings, environment: &Environment) -> Findings {
    let mut check = Check { settings, found: Findings::default() };
    check.callback_urls();
    check.trusted_keys();
    check.issuers();
    check.endpoints();
    check.hooks();
    check.limits();
    check.sinks();
    check.credentials(environment);
    for profile in &settings.profiles {
        check.profile(profile, environment);
    }
    for found in [&mut check.found.faults, &mut check.found.warnings] {
        found.sort();
        // Profiles that share a bucket find the same about it.
        found.dedup();
    }
    check.found
}

struct Check<'a> {
    settings: &'a Settings,
    found: Findings,
}

impl Check<'_> {
    fn fault(&mut self, key: &str, message: impl Into<String>) {
        let fault = self.finding(key, message.into());
        self.found.faults.push(fault);
    }

    fn warn(&mut self, key: &str, message: impl Into<String>) {
        let warning = self.finding(key, message.into());
        self.found.warnings.push(warning);
    }

    /// A fault, except on a developer's machine, where it is a warning.
    fn fault_outside_development(&mut self, key: &str, message: impl Into<String>) {
        if self.settings.is_development() { self.warn(key, message) } else { self.fault(key, message) }
    }

    fn finding(&self, key: &str, message: String) -> Fault {
        Fault { place: self.settings.place_of(key), key: key.to_owned(), message }
    }

    fn callback_urls(&mut self) {
        let settings = self.settings;
        for url in &settings.callback.public_urls {
            self.callback_url("callback.public_urls", url);
        }
        for profile in &settings.profiles {
            for url in profile.callback.urls.iter().filter_map(|url| Url::parse(url).ok()) {
                self.callback_url(&format!("profiles.{}.callback.urls", profile.name), &url);
            }
        }
    }

    fn callback_url(&mut self, key: &str, url: &Url) {
        if !may_be_public(url) {
            self.fault_outside_development(key, format!("OSS can't reach `{url}`: it is a private address"));
        } else if url.scheme() != "https" {
            self.warn(key, format!("`{url}` is not https: seals and user ids travel in the clear"));
        }
    }

    fn trusted_keys(&mut self) {
        for url in &self.settings.callback.trusted_key_urls {
            if OSS_KEY_URLS.contains(&url.as_str()) {
                continue;
            }
            let loopback = Url::parse(url).is_ok_and(|url| addresses::is_loopback(&url));
            if loopback {
                let message = format!("`{url}` is a simulator's key: whoever holds it can sign callbacks");
                self.fault_outside_development("callback.trusted_keys", message);
            } else {
                self.warn(
                    "callback.trusted_keys",
                    format!("`{url}` is not OSS's key: whoever holds it can sign callbacks"),
                );
            }
        }
    }

    fn issuers(&mut self) {
        for (index, issuer) in self.settings.auth.issuers.iter().enumerate() {
            if issuer.audience.is_empty() {
                let key = format!("auth.issuers[{index}].audience");
                self.warn(
                    &key,
                    format!("tokens that `{}` made for other services are accepted here too", issuer.issuer),
                );
            }
        }
    }

    fn hooks(&mut self) {
        for (name, hook) in &self.settings.hooks {
            if hook.url.scheme() != "https" && !addresses::is_loopback(&hook.url) {
                let message = "is not https: who answers in the backend's place decides on uploads";
                self.fault_outside_development(&format!("hooks.{name}.url"), message);
            }
            if !self.settings.profiles.iter().any(|profile| profile.hook.as_ref() == Some(name)) {
                self.warn(&format!("hooks.{name}"), "no profile names this hook: nobody asks it");
            }
        }
    }

    fn sinks(&mut self) {
        for (index, sink) in self.settings.sinks.iter().enumerate() {
            let key = format!("sinks[{index}].url");
            if !sink.allow_private && !may_be_public(&sink.url) {
                self.fault(&key, "is private: no connection is made to it without `allow_private = true`");
            } else if !sink.allow_private && sink.url.scheme() != "https" {
                self.warn(&key, "is not https: whoever is on the way can read your events");
            }
        }
    }

    fn profile(&mut self, profile: &Profile, environment: &Environment) {
        let key = |name: &str| format!("profiles.{}.{name}", profile.name);
        if profile.confirm == Confirm::Off {
            self.warn(&key("confirm"), "users can invent completions of their own grants: nothing is asked of OSS");
        }
        if let Some(bucket) = self.settings.buckets.get(&profile.bucket) {
            self.lifetime(profile, bucket, environment);
            self.cut_short(profile, bucket);
            if profile.methods.contains(&Method::Sts) {
                self.sts(profile, bucket);
            }
            self.callback(profile, bucket);
        }
    }

    fn lifetime(&mut self, profile: &Profile, bucket: &BucketSettings, environment: &Environment) {
        let issuer = &bucket.credentials;
        let temporary = is_temporary(self.settings, issuer, environment) || profile.methods.contains(&Method::Sts);
        let (limit, why) = if temporary {
            (MAX_V4_EXPIRY_WITH_TOKEN, "12 h with temporary credentials")
        } else if bucket.signature_version == SignatureVersion::V1 {
            // V1 has no limit of its own (P§4.1).
            return;
        } else {
            (MAX_V4_EXPIRY, "7 days")
        };
        if profile.expires_in > TimeDelta::seconds(limit) {
            let key = format!("profiles.{}.expires_in", profile.name);
            self.fault(&key, format!("longer than OSS accepts: at most {why}"));
        }
    }

    fn cut_short(&mut self, profile: &Profile, bucket: &BucketSettings) {
        let Some(life) = session_duration(self.settings, &bucket.credentials) else { return };
        // A credential is renewed in the third quarter of its life, at the latest when it ends.
        if profile.expires_in > life / 4 {
            let key = format!("profiles.{}.expires_in", profile.name);
            let (name, sure) = (&bucket.credentials, life.num_minutes() / 4);
            let message = format!("signatures end with their credential: [credentials.{name}] is sure of {sure}m only");
            self.warn(&key, message);
        }
    }

    /// Grants by STS need a role that we assume, and end when its sessions do.
    fn sts(&mut self, profile: &Profile, bucket: &BucketSettings) {
        let key = |name: &str| format!("profiles.{}.{name}", profile.name);
        let section = &bucket.sts_credentials;
        match longest_session(self.settings, section) {
            None => {
                let role = format!("buckets.{}.sts_credentials", bucket.name);
                let message = format!(
                    "`sts` needs a role: [credentials.{section}] is of neither kind `assume_role` nor `oidc`; \
                     name one that is in {role}"
                );
                self.fault(&key("methods"), message);
            }
            Some(longest) if profile.expires_in > longest => {
                let message = format!(
                    "credentials of `sts` end after {}m: raise [credentials.{section}] duration, and the role's limit",
                    longest.num_minutes()
                );
                self.warn(&key("expires_in"), message);
            }
            Some(_) => {}
        }
    }

    fn callback(&mut self, profile: &Profile, bucket: &BucketSettings) {
        let region_key = format!("buckets.{}.region", bucket.name);
        if !CALLBACK_REGIONS.contains(&bucket.region.as_str()) {
            self.fault(&region_key, format!("OSS has no callbacks in `{}`", bucket.region));
        }
        let (callback, vars) = callback_sizes(profile, bucket, &self.settings.callback);
        for (name, size) in [("callback", callback), ("vars", vars)] {
            if size > MAX_CALLBACK_BYTES {
                let key = format!("profiles.{}.{name}", profile.name);
                self.fault(&key, format!("can grow to {size} bytes; OSS takes at most {MAX_CALLBACK_BYTES}"));
            }
        }
    }
}
