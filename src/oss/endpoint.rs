//! Where a bucket lives and how its address is written (P§4.6): virtual-hosted, CNAME or path style.

use std::fmt;

use url::{Host, Url};

use super::encoding::{PATH, push_encoded};

/// How the bucket is written into the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressingStyle {
    /// `https://bucket.endpoint/key`.
    #[default]
    Virtual,
    /// `https://custom.domain/key`; the bucket is implied by the domain.
    Cname,
    /// `https://endpoint/bucket/key`; IP endpoints and the simulator.
    Path,
}

/// An OSS endpoint with its addressing style.
///
/// `Display` writes it as [`Endpoint::parse`] reads it: `scheme://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    /// Host with its port, as it stands in the URL.
    authority: String,
    style: AddressingStyle,
}

/// Why a text is no endpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct EndpointError(pub &'static str);

impl Endpoint {
    /// Parses `scheme://host[:port]`; a missing scheme means `https`.
    ///
    /// An IP address has no sub-domains: with [`AddressingStyle::Virtual`] it is addressed in path style, as the SDKs do.
    ///
    /// # Errors
    /// When the text holds anything but scheme, host and port.
    pub fn parse(text: &str, style: AddressingStyle) -> Result<Self, EndpointError> {
        let absolute = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&absolute).map_err(|_| EndpointError("is not of the form scheme://host[:port]"))?;
        let scheme = match url.scheme() {
            "https" => "https",
            "http" => "http",
            _ => return Err(EndpointError("must have the scheme http or https")),
        };
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError("must not have a path, query or fragment"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError("must not hold a user name or password"));
        }
        let host = url.host().ok_or(EndpointError("has no host"))?;
        let is_ip = !matches!(host, Host::Domain(_));
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let style = if is_ip && style == AddressingStyle::Virtual { AddressingStyle::Path } else { style };
        Ok(Self { scheme, authority, style })
    }

    /// The style in effect.
    pub fn style(&self) -> AddressingStyle {
        self.style
    }

    /// The host alone, without port; an IPv6 address in brackets.
    pub fn hostname(&self) -> &str {
        let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        match self.authority.rsplit_once(':') {
            Some((host, port)) if digits(port) => host,
            _ => &self.authority,
        }
    }

    /// Whether the host is an IP address: without sub-domains, and no custom domain.
    pub fn is_ip(&self) -> bool {
        Host::parse(self.hostname()).is_ok_and(|host| !matches!(host, Host::Domain(_)))
    }

    /// `https://oss-cn-hangzhou.aliyuncs.com`: service-level calls; no trailing slash.
    pub fn service_url(&self) -> String {
        self.to_string()
    }

    /// `https://bucket.oss-cn-hangzhou.aliyuncs.com`, `https://media.example.com` or `http://127.0.0.1:9000/bucket`: no trailing slash.
    pub fn bucket_url(&self, bucket: &str) -> String {
        self.bucket_url_with_room(bucket, 0)
    }

    /// The bucket's URL followed by `/` and the key, percent-encoded with `/` kept.
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        let mut url = self.bucket_url_with_room(bucket, key.len() * 2 + 1);
        url.push('/');
        push_encoded(&mut url, key, PATH);
        url
    }

    /// What a client sends in `Host`: with the bucket in front in virtual-hosted style.
    pub fn host(&self, bucket: &str) -> String {
        match self.style {
            AddressingStyle::Virtual => format!("{bucket}.{}", self.authority),
            AddressingStyle::Cname | AddressingStyle::Path => self.authority.clone(),
        }
    }

    fn bucket_url_with_room(&self, bucket: &str, room: usize) -> String {
        let mut url = String::with_capacity(self.scheme.len() + 4 + self.authority.len() + bucket.len() + room);
        url.push_str(self.scheme);
        url.push_str("://");
        if self.style == AddressingStyle::Virtual {
            url.push_str(bucket);
            url.push('.');
        }
        url.push_str(&self.authority);
        if self.style == AddressingStyle::Path {
            url.push('/');
            url.push_str(bucket);
        }
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_style_writes_bucket_and_key_in_its_own_place() {
        use AddressingStyle::{Cname, Path, Virtual};
        let cases = [
            ("oss-cn-hangzhou.aliyuncs.com", Virtual, "https://b1.oss-cn-hangzhou.aliyuncs.com/a%20b/c"),
            ("https://oss-cn-hangzhou.aliyuncs.com/", Virtual, "https://b1.oss-cn-hangzhou.aliyuncs.com/a%20b/c"),
            ("http://img.example.com:8080", Cname, "http://img.example.com:8080/a%20b/c"),
            ("http://127.0.0.1:9000", Path, "http://127.0.0.1:9000/b1/a%20b/c"),
            ("http://127.0.0.1:9000", Virtual, "http://127.0.0.1:9000/b1/a%20b/c"),
            ("http://[::1]:9000", Virtual, "http://[::1]:9000/b1/a%20b/c"),
            ("http://localhost:9000", Path, "http://localhost:9000/b1/a%20b/c"),
            ("https://oss.example.com:443", Path, "https://oss.example.com/b1/a%20b/c"),
        ];
        for (text, style, expected) in cases {
            let endpoint = Endpoint::parse(text, style).unwrap();
            assert_eq!(endpoint.object_url("b1", "a b/c"), expected, "{text} {style:?}");
            assert_eq!(format!("{}/a%20b/c", endpoint.bucket_url("b1")), expected, "{text} {style:?}");
        }
    }

    #[test]
    fn a_host_is_told_without_its_port() {
        for (text, host, is_ip) in [
            ("https://oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com", false),
            ("http://localhost:9000", "localhost", false),
            ("http://127.0.0.1:9000", "127.0.0.1", true),
            ("http://127.0.0.1", "127.0.0.1", true),
            ("http://[::1]:9000", "[::1]", true),
            ("http://[fd00::12]", "[fd00::12]", true),
        ] {
            let endpoint = Endpoint::parse(text, AddressingStyle::Virtual).unwrap();
            assert_eq!((endpoint.hostname(), endpoint.is_ip()), (host, is_ip), "{text}");
        }
    }

    #[test]
    fn the_host_header_has_the_bucket_only_in_virtual_style() {
        let host = |style| Endpoint::parse("http://oss.example.com:81", style).unwrap().host("b1");
        assert_eq!(host(AddressingStyle::Virtual), "b1.oss.example.com:81");
        assert_eq!(host(AddressingStyle::Cname), "oss.example.com:81");
        assert_eq!(host(AddressingStyle::Path), "oss.example.com:81");
    }

    #[test]
    fn anything_beside_scheme_host_and_port_is_refused() {
        for text in [
            "",
            "ftp://h",
            "https://h/path",
            "https://h?x",
            "https://h#x",
            "https://u:p@h",
            "https://h:99999",
            "https://",
        ] {
            assert!(Endpoint::parse(text, AddressingStyle::Virtual).is_err(), "{text:?}");
        }
    }
}
