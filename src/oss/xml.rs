//! The few XML documents: errors, and (later) multipart.

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
}

impl ErrorDocument {
    /// Writes the document with its XML declaration.
    pub fn to_xml(&self) -> String {
        todo!()
    }

    /// Reads the elements that matter; unknown ones go to `details`.
    pub fn parse(_xml: &str) -> Option<Self> {
        todo!()
    }
}
