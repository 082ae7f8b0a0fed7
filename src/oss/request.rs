//! A request to OSS as the signers see it, before and after signing.

/// Which signature scheme (P§4.1, P§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureVersion {
    /// HMAC-SHA1.
    V1,
    /// HMAC-SHA256 with a derived key; the default.
    #[default]
    V4,
}

/// What is to be signed. Names and values are decoded text; the signers encode where the protocol says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignableRequest {
    /// `PUT`, `GET`, ….
    pub method: String,
    /// `None` only for service-level calls.
    pub bucket: Option<String>,
    /// The object key, un-encoded; empty for bucket-level calls.
    pub key: String,
    /// Request headers, in any case and order.
    pub headers: Vec<(String, String)>,
    /// Query parameters; `""` means a name without `=value`.
    pub query: Vec<(String, String)>,
}

impl SignableRequest {
    /// A request for an object, without headers and query.
    pub fn object(method: &str, bucket: &str, key: &str) -> Self {
        Self { method: method.to_owned(), bucket: Some(bucket.to_owned()), key: key.to_owned(), ..Self::default() }
    }

    /// The first header of this name, whatever its case; `name` is lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first query parameter of exactly this name.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `/bucket/key` as both schemes begin their resource: un-encoded, the bucket always there, `/` for service calls (P§4.1, P§4.2).
    pub(super) fn push_resource(&self, out: &mut String, push_text: impl Fn(&mut String, &str)) {
        out.push('/');
        if let Some(bucket) = &self.bucket {
            push_text(out, bucket);
            out.push('/');
            push_text(out, &self.key);
        }
    }
}

/// The headers that `wanted` asks for (by lower-case name), sorted by name, values trimmed, repeated ones joined with `,`: written as `name:value\n`.
///
/// HTTP strips the blanks around a value on the wire, so a signature over them could never verify.
pub(super) fn push_canonical_headers(out: &mut String, headers: &[(String, String)], wanted: impl Fn(&str) -> bool) {
    let mut chosen: Vec<(std::borrow::Cow<'_, str>, &str)> =
        headers.iter().map(|(name, value)| (lower_case(name), trim(value))).filter(|(name, _)| wanted(name)).collect();
    chosen.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut previous: Option<&str> = None;
    for (name, value) in &chosen {
        if previous == Some(name) {
            out.push(',');
        } else {
            if previous.is_some() {
                out.push('\n');
            }
            out.push_str(name);
            out.push(':');
        }
        out.push_str(value);
        previous = Some(name);
    }
    if previous.is_some() {
        out.push('\n');
    }
}

/// `name` in lower case; borrowed when it is already.
pub(super) fn lower_case(name: &str) -> std::borrow::Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

/// Strips what HTTP strips around a header value: blanks and tabs.
pub(super) fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn canonical_headers_are_lower_case_sorted_trimmed_and_joined() {
        let headers = pairs(&[("X-OSS-Meta-B", " 2\t"), ("Accept", "x"), ("x-oss-meta-a", ""), ("x-oss-meta-b", "1")]);
        let mut out = String::new();
        push_canonical_headers(&mut out, &headers, |name| name.starts_with("x-oss-"));
        assert_eq!(out, "x-oss-meta-a:\nx-oss-meta-b:2,1\n");
    }

    #[test]
    fn no_wanted_header_leaves_no_trace() {
        let mut out = String::new();
        push_canonical_headers(&mut out, &pairs(&[("Accept", "x")]), |_| false);
        assert_eq!(out, "");
    }

    #[test]
    fn headers_are_found_in_any_case_and_query_names_only_as_they_are() {
        let mut request = SignableRequest::object("PUT", "b", "k");
        request.headers = pairs(&[("Content-TYPE", "a/b")]);
        request.query = pairs(&[("uploadId", "1")]);
        assert_eq!(request.header("content-type"), Some("a/b"));
        assert_eq!(request.query_value("uploadId"), Some("1"));
        assert_eq!(request.query_value("uploadid"), None);
    }
}
