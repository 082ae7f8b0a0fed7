//! Where a bucket lives and how its address is written (P§4.6): virtual-hosted, CNAME or path style.

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    _todo: (),
}

/// Why a text is no endpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct EndpointError(pub &'static str);

impl Endpoint {
    /// Parses `scheme://host[:port]`; a missing scheme means `https`.
    ///
    /// # Errors
    /// When the text holds anything but scheme, host and port.
    pub fn parse(_text: &str, _style: AddressingStyle) -> Result<Self, EndpointError> {
        todo!()
    }

    /// `https://bucket.oss-cn-hangzhou.aliyuncs.com`, `https://media.example.com` or `http://127.0.0.1:9000/bucket`: no trailing slash.
    pub fn bucket_url(&self, _bucket: &str) -> String {
        todo!()
    }

    /// The bucket's URL followed by `/` and the key, percent-encoded with `/` kept.
    pub fn object_url(&self, _bucket: &str, _key: &str) -> String {
        todo!()
    }
}
