//! `[buckets.NAME]`: where objects go.

use super::reader::Section;
use crate::oss::{
    endpoint::{AddressingStyle, Endpoint},
    request::SignatureVersion,
};

const SIGNATURE_VERSIONS: [(&str, SignatureVersion); 2] = [("v4", SignatureVersion::V4), ("v1", SignatureVersion::V1)];

/// `[buckets.NAME]`.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// The name that profiles refer to.
    pub name: String,
    /// The real bucket name.
    pub bucket: String,
    /// `cn-hangzhou`: a setting, never cut out of an endpoint (P§4.6).
    pub region: String,
    /// `https://oss-cn-hangzhou.aliyuncs.com`: what answers name as the endpoint.
    pub endpoint_url: String,
    /// That endpoint, with its addressing style.
    pub endpoint: Endpoint,
    /// How clients reach the bucket: `public_host` where there is one.
    pub client_endpoint: Endpoint,
    /// How we reach the bucket: `internal_endpoint` where there is one.
    pub service_endpoint: Endpoint,
    /// `path_style`: asked for, also where the address is no IP address.
    pub path_style: bool,
    /// V4 unless said otherwise.
    pub signature_version: SignatureVersion,
    /// Name of the `[credentials.NAME]` that signs grants.
    pub credentials: String,
    /// Name of the `[credentials.NAME]` that confirms (HEAD) and deletes.
    pub confirm_credentials: String,
    /// Name of the `[credentials.NAME]` whose role issues the credentials of `sts` grants; it must be one that we assume.
    pub sts_credentials: String,
}

impl BucketSettings {
    /// The key that says how clients reach the bucket.
    pub fn client_key(&self) -> &'static str {
        if self.client_endpoint == self.endpoint { "endpoint" } else { "public_host" }
    }

    /// The key that says how we reach the bucket.
    pub fn service_key(&self) -> &'static str {
        if self.service_endpoint == self.endpoint { "endpoint" } else { "internal_endpoint" }
    }

    pub(super) fn read(name: &str, section: &mut Section<'_>) -> Option<Self> {
        let bucket = section.required("bucket", parse_bucket);
        let region = section.required("region", parse_region);
        let path_style = section.flag("path_style");
        let style = if path_style { AddressingStyle::Path } else { AddressingStyle::Virtual };
        let endpoint_url = read_endpoint_url(section, region.as_deref());
        let parse = |text: &str, style| Endpoint::parse(text, style).map_err(|error| error.to_string());
        let endpoint = section.judge("endpoint", parse(&endpoint_url, style));
        let internal = section.parse("internal_endpoint", |text| parse(text, style));
        let public = section.parse("public_host", |text| parse(text, AddressingStyle::Cname));
        let signature_version = section.choice("signature_version", &SIGNATURE_VERSIONS, SignatureVersion::V4);
        let credentials = section.required_text("credentials");
        let confirm_credentials = section.text("confirm_credentials").unwrap_or_else(|| credentials.clone());
        let sts_credentials = section.text("sts_credentials").unwrap_or_else(|| credentials.clone());
        let endpoint = endpoint?;
        Some(Self {
            name: name.to_owned(),
            bucket: bucket?,
            region: region?,
            endpoint_url,
            client_endpoint: public.unwrap_or_else(|| endpoint.clone()),
            service_endpoint: internal.unwrap_or_else(|| endpoint.clone()),
            endpoint,
            path_style,
            signature_version,
            credentials,
            confirm_credentials,
            sts_credentials,
        })
    }
}

/// The endpoint as given, with its scheme; where none is given, the region's public one. The regions whose endpoint does not
/// follow from their name (finance, government; P§4.6) must say it.
fn read_endpoint_url(section: &mut Section<'_>, region: Option<&str>) -> String {
    let given = section.text("endpoint").map(|text| text.trim_end_matches('/').to_owned());
    let special = |region: &str| region.contains("finance") || region.contains("-gov");
    match (given, region) {
        (Some(text), _) if text.contains("://") => text,
        (Some(text), _) => format!("https://{text}"),
        (None, Some(region)) if special(region) => {
            section.fault("endpoint", format!("missing: the endpoint of `{region}` does not follow from its name"));
            format!("https://oss-{region}.aliyuncs.com")
        }
        (None, region) => format!("https://oss-{}.aliyuncs.com", region.unwrap_or("cn-hangzhou")),
    }
}

fn parse_bucket(text: &str) -> Result<String, String> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = (3..=63).contains(&text.len()) && text.bytes().all(inner);
    if fits && !text.starts_with('-') && !text.ends_with('-') {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no bucket name: 3 to 63 of a-z 0-9 -, not beginning or ending with -"))
    }
}

fn parse_region(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        return Err(format!("`{text}` is no region: write `cn-hangzhou`"));
    }
    match text.strip_prefix("oss-") {
        Some(region) => Err(format!("a region is written without `oss-`: `{region}`")),
        None => Ok(text.to_owned()),
    }
}
