//! A bucket's cross-origin rules, as GetBucketCors tells them (P§3.5).

use super::Element;

/// One rule. `*` stands for anything, once, also inside a text (`https://*.example.com`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsRule {
    /// `https://app.example.com`, `*`.
    pub allowed_origins: Vec<String>,
    /// `POST`, `PUT`, ….
    pub allowed_methods: Vec<String>,
    /// Request headers, in any case.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may read, in any case.
    pub expose_headers: Vec<String>,
}

impl CorsRule {
    /// The rules of a `CORSConfiguration`; `None` for another document.
    pub fn read_all(root: &Element) -> Option<Vec<Self>> {
        (root.name == "CORSConfiguration").then(|| root.children_named("CORSRule").map(Self::read).collect())
    }

    fn read(rule: &Element) -> Self {
        let texts = |name: &str| rule.children_named(name).map(|child| child.text.trim().to_owned()).collect();
        Self {
            allowed_origins: texts("AllowedOrigin"),
            allowed_methods: texts("AllowedMethod"),
            allowed_headers: texts("AllowedHeader"),
            expose_headers: texts("ExposeHeader"),
        }
    }

    /// Whether pages of this origin are meant; `*` asks for all of them.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| fits(allowed, origin))
    }

    /// Whether the method is allowed, whatever the origin.
    pub fn allows_method(&self, method: &str) -> bool {
        self.allowed_methods.iter().any(|allowed| allowed == method)
    }

    /// Whether the request header is allowed, whatever the origin.
    pub fn allows_header(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.allowed_headers.iter().any(|allowed| fits(&allowed.to_ascii_lowercase(), &name))
    }

    /// Whether scripts may read the response header.
    pub fn exposes(&self, name: &str) -> bool {
        self.expose_headers.iter().any(|exposed| exposed.eq_ignore_ascii_case(name))
    }
}

/// `*` in the pattern matches any run of characters; OSS takes one of them.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_the_documentation_shows_them() {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CORSConfiguration>\n  <CORSRule>\n    <AllowedOrigin>https://*.example.com</AllowedOrigin>\n    \
                   <AllowedOrigin>http://a.test</AllowedOrigin>\n    <AllowedMethod>PUT</AllowedMethod>\n    <AllowedMethod>POST</AllowedMethod>\n    \
                   <AllowedHeader>X-OSS-*</AllowedHeader>\n    <ExposeHeader>etag</ExposeHeader>\n    <MaxAgeSeconds>100</MaxAgeSeconds>\n  </CORSRule>\n  \
                   <CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>\n  <ResponseVary>false</ResponseVary>\n</CORSConfiguration>";
        let rules = CorsRule::read_all(&Element::parse(xml).unwrap()).unwrap();
        let [uploads, reads] = rules.as_slice() else { panic!("{rules:?}") };
        for (origin, allowed) in [
            ("https://x.example.com", true),
            ("http://a.test", true),
            ("https://example.com", false),
            ("http://a.test.evil", false),
            ("*", false),
        ] {
            assert_eq!(uploads.allows_origin(origin), allowed, "{origin}");
            assert!(reads.allows_origin(origin), "{origin}");
        }
        assert!(uploads.allows_method("PUT") && !uploads.allows_method("GET") && !reads.allows_method("PUT"));
        assert!(uploads.allows_header("x-oss-Date") && !uploads.allows_header("content-type"));
        assert!(uploads.exposes("ETag") && !reads.exposes("ETag"));
    }

    #[test]
    fn another_document_holds_no_rules() {
        assert_eq!(CorsRule::read_all(&Element::parse("<Error><Code>A</Code></Error>").unwrap()), None);
        assert_eq!(CorsRule::read_all(&Element::parse("<CORSConfiguration/>").unwrap()), Some(vec![]));
    }
}
