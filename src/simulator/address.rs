//! Which bucket a request means (P§4.6): virtual host, custom domain, or path style.

use std::net::IpAddr;

use super::settings::SimulatorSettings;
use crate::oss::encoding::decode_path;

/// Where a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `None` when only the service itself is addressed.
    pub(super) bucket: Option<String>,
    /// The host named no bucket: only there the simulator's own paths (`/-/…`, the callback key) exist.
    pub(super) path_style: bool,
    /// OSS's own endpoints take the bucket in the host only.
    pub(super) is_refused: bool,
}

impl Address {
    /// The address, and the key as it stood in the path, still percent-encoded.
    ///
    /// A host is a custom domain, else `bucket.anything` for a bucket that exists, else a bucket that does not exist
    /// below the domains that are surely OSS's, else an endpoint with the bucket in the path.
    pub(super) fn resolve<'a>(host: &str, raw_path: &'a str, settings: &SimulatorSettings) -> (Self, &'a str) {
        let path = raw_path.strip_prefix('/').unwrap_or(raw_path);
        let name = host_name(host);
        if let Some(bucket) = bucket_of_host(&name, settings) {
            return (Self { bucket: Some(bucket), path_style: false, is_refused: false }, path);
        }
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let bucket = decode_path(bucket).filter(|bucket| !bucket.is_empty());
        let is_refused = bucket.is_some() && is_endpoint(&name);
        (Self { bucket, path_style: true, is_refused }, key)
    }
}

fn bucket_of_host(name: &str, settings: &SimulatorSettings) -> Option<String> {
    if let Some(bucket) = settings.buckets.iter().find(|bucket| bucket.cname_hosts.iter().any(|host| host == name)) {
        return Some(bucket.name.clone());
    }
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let (label, rest) = name.split_once('.')?;
    let certain = rest == "localhost" || (rest.ends_with(".aliyuncs.com") && !is_endpoint(name));
    (settings.bucket(label).is_some() || certain).then(|| label.to_owned())
}

/// An endpoint of OSS without a bucket (P§4.6): `oss-….aliyuncs.com` (public, internal, accelerated), or dual stack
/// `<region>.oss.aliyuncs.com`.
fn is_endpoint(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".aliyuncs.com") else { return false };
    match stem.split_once('.') {
        None => stem == "oss" || stem.starts_with("oss-"),
        Some((region, "oss")) => REGION_PREFIXES.iter().any(|prefix| region.starts_with(prefix)),
        Some(_) => false,
    }
}

/// How regions begin; what else stands before `.oss.aliyuncs.com` is a bucket, as in old documentation.
const REGION_PREFIXES: [&str; 7] = ["cn-", "ap-", "us-", "eu-", "me-", "na-", "rg-"];

/// The host without its port and brackets, in lower case.
fn host_name(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;

    use super::*;
    use crate::{clock::ManualClock, simulator::BucketSpec};

    #[test]
    fn the_bucket_is_found_in_host_or_path() {
        let mut bucket = BucketSpec::new("media", "cn-hangzhou");
        bucket.cname_hosts = vec!["cdn.example.com".to_owned()];
        let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
        let listen = "127.0.0.1:0".parse().expect("an address");
        let settings = SimulatorSettings::new(listen, "unused", clock).with_bucket(bucket);
        let cases = [
            ("path style on an IP", "127.0.0.1:9000", "/media/a%2Fb", Some("media"), "a%2Fb"),
            ("path style on IPv6", "[::1]:9000", "/media/a/b", Some("media"), "a/b"),
            ("path style on a bare name", "localhost:9000", "/media/a", Some("media"), "a"),
            ("path style on an unknown domain", "oss.internal.test", "/media/a", Some("media"), "a"),
            ("the bucket itself", "localhost", "/media", Some("media"), ""),
            ("the bucket itself with a slash", "localhost", "/media/", Some("media"), ""),
            ("the service", "localhost", "/", None, ""),
            ("virtual host", "media.oss-cn-hangzhou.aliyuncs.com", "/a/b", Some("media"), "a/b"),
            ("virtual host under localhost", "media.localhost:9000", "/media/a", Some("media"), "media/a"),
            ("virtual host in upper case", "MEDIA.localhost", "/a", Some("media"), "a"),
            ("custom domain", "cdn.example.com:9000", "/a", Some("media"), "a"),
            ("internal endpoint", "media.oss-cn-hangzhou-internal.aliyuncs.com:80", "/a", Some("media"), "a"),
            ("acceleration", "media.oss-accelerate.aliyuncs.com", "/a", Some("media"), "a"),
            ("dual stack", "media.cn-hangzhou.oss.aliyuncs.com", "/a", Some("media"), "a"),
            ("a host with the region alone", "media.cn-hangzhou.aliyuncs.com", "/a", Some("media"), "a"),
            ("the old host", "media.oss.aliyuncs.com", "/a", Some("media"), "a"),
            ("an unknown bucket on the old host", "other.oss.aliyuncs.com", "/a", Some("other"), "a"),
            ("a host with a dot at its end", "media.oss-cn-hangzhou.aliyuncs.com.", "/a", Some("media"), "a"),
            ("a public endpoint without a bucket", "oss-cn-hangzhou.aliyuncs.com", "/", None, ""),
            ("a dual stack endpoint without a bucket", "cn-hangzhou.oss.aliyuncs.com", "/", None, ""),
            ("unknown bucket of OSS", "other.oss-cn-hangzhou.aliyuncs.com", "/media/a", Some("other"), "media/a"),
        ];
        for (description, host, path, bucket, key) in cases {
            let (address, raw_key) = Address::resolve(host, path, &settings);
            assert_eq!((address.bucket.as_deref(), raw_key), (bucket, key), "{description}");
            assert!(!address.is_refused, "{description}");
        }
        for endpoint in
            ["oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou.oss.aliyuncs.com", "OSS-Accelerate.aliyuncs.com:80"]
        {
            let (address, _) = Address::resolve(endpoint, "/media/a", &settings);
            assert!(address.is_refused, "path style on {endpoint}");
        }
    }
}
