//! The few XML documents: errors, what buckets are set to, and the reader that multipart answers share.

mod bucket_info;
mod cors;
mod element;
mod lifecycle;

pub use bucket_info::{BucketInfo, Versioning, read_location};
pub use cors::CorsRule;
pub use element::{Element, MAX_DOCUMENT, escape};
pub use lifecycle::LifecycleRule;

/// OSS's error document, as it is read and as the simulator writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorDocument {
    /// `NoSuchKey`, ….
    pub code: String,
    /// Human text.
    pub message: String,
    /// Request id.
    pub request_id: String,
    /// Host addressed.
    pub host_id: String,
    /// Error code with detail, `0007-00000203`.
    pub ec: Option<String>,
    /// Further elements in order, e.g. `StringToSign`, `ArgumentName`.
    pub details: Vec<(String, String)>,
    /// `AccessDeniedDetail`: which policy does not let whom do what; empty when there is none.
    pub access_denied: Vec<(String, String)>,
}

impl ErrorDocument {
    /// Writes the document with its XML declaration: `EC` after the details, and `RecommendDoc` last, as OSS does.
    pub fn to_xml(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n");
        push_element(&mut xml, "Code", &self.code);
        push_element(&mut xml, "Message", &self.message);
        push_element(&mut xml, "RequestId", &self.request_id);
        push_element(&mut xml, "HostId", &self.host_id);
        if !self.access_denied.is_empty() {
            xml.push_str("  <AccessDeniedDetail>\n");
            for (name, value) in &self.access_denied {
                xml.push_str("  ");
                push_element(&mut xml, name, value);
            }
            xml.push_str("  </AccessDeniedDetail>\n");
        }
        let (last, details): (Vec<_>, Vec<_>) = self.details.iter().partition(|(name, _)| name == "RecommendDoc");
        for (name, value) in details {
            push_element(&mut xml, name, value);
        }
        if let Some(ec) = &self.ec {
            push_element(&mut xml, "EC", ec);
        }
        for (name, value) in last {
            push_element(&mut xml, name, value);
        }
        xml.push_str("</Error>\n");
        xml
    }

    /// Reads the elements that matter; unknown ones go to `details`.
    pub fn parse(xml: &str) -> Option<Self> {
        let root = Element::parse(xml).filter(|root| root.name == "Error")?;
        let mut document = Self::default();
        for Element { name, text, children } in root.children {
            match name.as_str() {
                "Code" => document.code = text,
                "Message" => document.message = text,
                "RequestId" => document.request_id = text,
                "HostId" => document.host_id = text,
                "EC" => document.ec = Some(text),
                "AccessDeniedDetail" => {
                    document.access_denied = children.into_iter().map(|child| (child.name, child.text)).collect();
                }
                _ => document.details.push((name, text)),
            }
        }
        (!document.code.is_empty()).then_some(document)
    }
}

/// Appends `  <name>escaped text</name>` and a line end.
fn push_element(xml: &mut String, name: &str, text: &str) {
    for part in ["  <", name, ">", &escape(text), "</", name, ">\n"] {
        xml.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> ErrorDocument {
        ErrorDocument {
            code: "CallbackFailed".into(),
            message: "Error status : 301. <&\"'>".into(),
            request_id: "5C3D9175B6FC201293AD4890".into(),
            host_id: "b.oss-cn-hangzhou.aliyuncs.com".into(),
            ec: Some("0007-00000203".into()),
            details: vec![("StringToSign".into(), "PUT\n\n a\r\n".into())],
            access_denied: vec![("AuthAction".into(), "oss:<PutObject>".into())],
        }
    }

    #[test]
    fn an_error_reads_back_as_it_was_written() {
        let xml = document().to_xml();
        assert!(
            xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>CallbackFailed</Code>\n"),
            "{xml}"
        );
        assert_eq!(ErrorDocument::parse(&xml), Some(document()));
    }

    #[test]
    fn an_error_as_oss_sends_it_is_read() {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>NoSuchKey</Code>\n  <Message>The specified key does not exist.</Message>\n  \
                   <RequestId>1</RequestId>\n  <HostId>h</HostId>\n  <Key>a&#x4e2d;&amp;b</Key>\n  <EC>0026-00000001</EC>\n</Error>";
        let read = ErrorDocument::parse(xml).unwrap();
        assert_eq!((read.code.as_str(), read.ec.as_deref()), ("NoSuchKey", Some("0026-00000001")));
        assert_eq!(read.details, [("Key".to_owned(), "a中&b".to_owned())]);
    }

    #[test]
    fn what_is_no_error_document_is_none() {
        for xml in
            ["", "<html></html>", "<Error></Error>", "<Error><Code>A</Code>", "<Error><Code>A</Error></Code>", "{}"]
        {
            assert_eq!(ErrorDocument::parse(xml), None, "{xml:?}");
        }
    }
}
