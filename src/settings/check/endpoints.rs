//! What is doubtful about how clients and we reach a bucket (P§4.6).

use super::Check;
use crate::{
    oss::{
        endpoint::{AddressingStyle, Endpoint},
        endpoint_host::{HostKind, is_public_endpoint_restricted},
    },
    settings::BucketSettings,
};

impl Check<'_> {
    pub(super) fn endpoints(&mut self) {
        for (name, bucket) in &self.settings.buckets {
            let key = |inner: &str| format!("buckets.{name}.{inner}");
            self.client_endpoint(&key, bucket);
            self.path_style(&key, bucket);
            self.region_of(&key("endpoint"), &bucket.endpoint, bucket);
            if bucket.client_endpoint != bucket.endpoint {
                self.public_host(&key("public_host"), bucket);
            }
            if bucket.service_endpoint != bucket.endpoint {
                self.internal_endpoint(&key("internal_endpoint"), bucket);
            }
        }
    }

    fn client_endpoint(&mut self, key: &dyn Fn(&str) -> String, bucket: &BucketSettings) {
        let client = &bucket.client_endpoint;
        let said = key(bucket.client_key());
        if client.service_url().starts_with("http:") {
            self.fault_outside_development(&said, "clients send signatures and files in the clear: use https");
        }
        if is_public_endpoint_restricted(client.hostname()) {
            let message = "OSS answers new users 400 PublicEndpointForbidden at mainland regions' default public \
                           endpoints (notice of 2025-03-20, EC 0048-00000401): set public_host, a custom domain";
            self.warn(&said, message);
        }
        let own = &bucket.endpoint;
        match HostKind::of(own.hostname()) {
            HostKind::Internal(_) if own == client => {
                self.warn(&said, "clients outside the region's network can't reach it: set public_host, or move it to internal_endpoint");
            }
            HostKind::Accelerate if own == &bucket.service_endpoint => {
                self.warn(&said, "our own calls take the accelerate host too, and are billed: set internal_endpoint");
            }
            HostKind::Foreign if own.style() == AddressingStyle::Virtual && !self.settings.is_development() => {
                self.warn(
                    &key("endpoint"),
                    "not a host of OSS's, yet the bucket is written before it: a custom domain is public_host",
                );
            }
            _ => {}
        }
    }

    fn path_style(&mut self, key: &dyn Fn(&str) -> String, bucket: &BucketSettings) {
        let key = key("path_style");
        if !bucket.path_style {
            return;
        }
        if bucket.client_endpoint != bucket.endpoint {
            let message = "a custom domain (public_host) stands for the bucket: there is no path style for it";
            self.fault_outside_development(&key, message);
        }
        let hosts = [&bucket.endpoint, &bucket.service_endpoint];
        if hosts.iter().any(|endpoint| HostKind::of(endpoint.hostname()) != HostKind::Foreign) {
            self.fault(&key, "OSS refuses path style at its own hosts (SecondLevelDomainForbidden)");
        }
    }

    fn public_host(&mut self, key: &str, bucket: &BucketSettings) {
        let public = &bucket.client_endpoint;
        let host = public.hostname();
        if public.is_ip() {
            self.fault_outside_development(key, format!("`{host}` is an IP address: no custom domain of a bucket"));
        }
        // A bucket's own host may be written out: it stands for the bucket as a custom domain does.
        let outer = host.strip_prefix(&bucket.bucket).and_then(|rest| rest.strip_prefix('.'));
        match outer {
            Some(outer) if is_public_endpoint_restricted(outer) => {
                self.warn(key, "this is a default public endpoint: OSS answers new users 400 PublicEndpointForbidden (EC 0048-00000401)");
            }
            None if HostKind::of(host) != HostKind::Foreign => {
                self.fault(key, format!("`{host}` is OSS's and stands for no bucket: write it as endpoint"));
            }
            None if host.ends_with(".aliyuncs.com") => {
                self.fault(key, format!("`{host}` stands for another bucket than `{}`", bucket.bucket));
            }
            Some(_) | None => {}
        }
    }

    fn internal_endpoint(&mut self, key: &str, bucket: &BucketSettings) {
        let host = bucket.service_endpoint.hostname();
        match HostKind::of(host) {
            HostKind::Accelerate => {
                self.fault(
                    key,
                    "the accelerate hosts are for clients far away; our own calls take the region's internal endpoint",
                );
            }
            HostKind::Public(_) | HostKind::DualStack(_) | HostKind::RegionLess => {
                self.warn(key, format!("`{host}` is a public endpoint: our calls leave the region's network"));
            }
            HostKind::Internal(_) | HostKind::Foreign => {}
        }
        self.region_of(key, &bucket.service_endpoint, bucket);
    }

    fn region_of(&mut self, key: &str, endpoint: &Endpoint, bucket: &BucketSettings) {
        let host = endpoint.hostname();
        if let Some(served) = HostKind::of(host).region().filter(|served| *served != bucket.region) {
            self.fault(key, format!("`{host}` serves `{served}`, but region says `{}`", bucket.region));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{Environment, Fault, Settings, check};

    const TOML: &str = r#"
[auth]
[[auth.issuers]]
issuer = "https://id.example.com"
audience = "uploads"
jwks_url = "https://id.example.com/jwks"
[buckets.media]
bucket = "app-media"
region = "cn-hangzhou"
credentials = "main"
LINES
[credentials.main]
kind = "env"
[profiles.avatar]
bucket = "media"
key = "avatars/{user_id}/{id}.{ext}"
max_size = "5 MiB"
[callback]
public_urls = ["https://uploads.example.com/v1/callbacks/oss"]
[[callback.seal_secrets]]
kid = "k1"
secret = "a-seal-secret-of-thirty-two-bytes!"
[store]
url = "sqlite:///ledger.db"
"#;

    /// What is tried, the bucket's lines, and the keys of the fault and the warning.
    type Case<'a> = (&'a str, String, (Option<&'a str>, Option<&'a str>));

    #[test]
    fn check_finds_endpoints_that_can_not_work_or_cost() {
        let fault = |key| (Some(key), None);
        let warning = |key| (None, Some(key));
        let internal = "internal_endpoint = \"https://oss-cn-hangzhou-internal.aliyuncs.com\"\n";
        let cases: [Case<'_>; 16] = [
            (
                "a custom domain and an internal endpoint",
                format!("{internal}public_host = \"m.example.com\""),
                (None, None),
            ),
            ("the mainland's default endpoint", internal.to_owned(), warning("endpoint")),
            ("the same, said", "endpoint = \"oss-cn-hangzhou.aliyuncs.com\"".to_owned(), warning("endpoint")),
            (
                "the same, as a host",
                "public_host = \"app-media.oss-cn-hangzhou.aliyuncs.com\"".to_owned(),
                warning("public_host"),
            ),
            ("dual stack", "endpoint = \"https://cn-hangzhou.oss.aliyuncs.com\"".to_owned(), (None, None)),
            ("acceleration", format!("{internal}endpoint = \"https://oss-accelerate.aliyuncs.com\""), (None, None)),
            (
                "acceleration for ourselves",
                "endpoint = \"https://oss-accelerate.aliyuncs.com\"".to_owned(),
                warning("endpoint"),
            ),
            (
                "acceleration as the internal endpoint",
                "public_host = \"m.example.com\"\ninternal_endpoint = \"https://oss-accelerate.aliyuncs.com\""
                    .to_owned(),
                fault("internal_endpoint"),
            ),
            (
                "a public endpoint as the internal one",
                "public_host = \"m.example.com\"\ninternal_endpoint = \"https://cn-hangzhou.oss.aliyuncs.com\""
                    .to_owned(),
                warning("internal_endpoint"),
            ),
            (
                "an internal endpoint for clients",
                "endpoint = \"https://oss-cn-hangzhou-internal.aliyuncs.com\"".to_owned(),
                warning("endpoint"),
            ),
            (
                "another region's endpoint",
                "public_host = \"m.example.com\"\nendpoint = \"oss-cn-beijing.aliyuncs.com\"".to_owned(),
                fault("endpoint"),
            ),
            (
                "OSS's host as a custom domain",
                "public_host = \"oss-accelerate.aliyuncs.com\"".to_owned(),
                fault("public_host"),
            ),
            (
                "another bucket's host",
                "public_host = \"other.oss-accelerate.aliyuncs.com\"".to_owned(),
                fault("public_host"),
            ),
            ("an address as a custom domain", "public_host = \"203.0.113.7\"".to_owned(), fault("public_host")),
            (
                "path style beside a custom domain",
                "public_host = \"m.example.com\"\nendpoint = \"https://oss.example.com\"\npath_style = true".to_owned(),
                fault("path_style"),
            ),
            (
                "path style at OSS",
                "endpoint = \"https://cn-hangzhou.oss.aliyuncs.com\"\npath_style = true".to_owned(),
                fault("path_style"),
            ),
        ];
        for (description, lines, (fault, warning)) in cases {
            let toml = TOML.replace("LINES", &lines);
            let settings = Settings::from_toml_str("production", "test.toml", &toml).expect(description);
            let found = check(&settings, &Environment::default());
            let keys = |faults: &[Fault]| faults.iter().map(|fault| fault.key.clone()).collect::<Vec<_>>();
            let expected =
                |key: Option<&str>| key.map(|key| format!("buckets.media.{key}")).into_iter().collect::<Vec<_>>();
            assert_eq!(keys(&found.faults), expected(fault), "{description}: {found:#?}");
            assert_eq!(keys(&found.warnings), expected(warning), "{description}: {found:#?}");
        }
    }
}
