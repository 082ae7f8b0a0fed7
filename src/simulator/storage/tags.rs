//! Object tags: at most ten, keys unique, in letters that OSS allows.

use serde::{Deserialize, Serialize};

use crate::{
    oss::{
        encoding::decode_query,
        xml::{Element, escape},
    },
    simulator::{errors::OssError, request::Incoming},
};

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulator) struct Tag {
    pub(in crate::simulator) key: String,
    /// May be empty.
    pub(in crate::simulator) value: String,
}

const HEADER: &str = "x-oss-tagging";
const MAX_TAGS: usize = 10;
const MAX_KEY_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 256;

/// `x-oss-tagging: key=value&key`, percent-encoded; no header, no tags.
pub(in crate::simulator) fn of_header(incoming: &Incoming) -> Result<Vec<Tag>, OssError> {
    match incoming.header(HEADER) {
        Some(text) => parse_header(text),
        None => Ok(Vec::new()),
    }
}

fn parse_header(text: &str) -> Result<Vec<Tag>, OssError> {
    let message = "The header 'x-oss-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
                   name duplicates.";
    let refused = || OssError::invalid_argument(message, HEADER, text).ec("0010-00000219");
    if text.split('&').any(|pair| pair.matches('=').count() > 1) {
        return Err(refused());
    }
    let pairs = decode_query(text).ok_or_else(refused)?;
    let tags: Vec<Tag> = pairs.into_iter().map(|(key, value)| Tag { key, value }).collect();
    if has_repeated_key(&tags) {
        return Err(refused());
    }
    check(&tags)?;
    Ok(tags)
}

/// The body of PutObjectTagging.
pub(in crate::simulator) fn parse_xml(xml: &str) -> Result<Vec<Tag>, OssError> {
    let malformed = OssError::malformed_xml;
    let root = Element::parse(xml).filter(|root| root.name == "Tagging").ok_or_else(malformed)?;
    let set = root.child("TagSet").ok_or_else(malformed)?;
    let tag = |element: &Element| {
        let key = element.child_text("Key").ok_or_else(malformed)?.to_owned();
        Ok(Tag { key, value: element.child_text("Value").unwrap_or_default().to_owned() })
    };
    let tags: Vec<Tag> = set.children_named("Tag").map(tag).collect::<Result<_, OssError>>()?;
    if has_repeated_key(&tags) {
        return Err(OssError::bad_request("RepeatedTags", "Tag keys must be unique."));
    }
    check(&tags)?;
    Ok(tags)
}

/// The same as GetObjectTagging answers.
pub(in crate::simulator) fn to_xml(tags: &[Tag]) -> String {
    let tag = |Tag { key, value }: &Tag| {
        format!("    <Tag>\n      <Key>{}</Key>\n      <Value>{}</Value>\n    </Tag>\n", escape(key), escape(value))
    };
    let tags: String = tags.iter().map(tag).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Tagging>\n  <TagSet>\n{tags}  </TagSet>\n</Tagging>\n")
}

fn has_repeated_key(tags: &[Tag]) -> bool {
    tags.iter().enumerate().any(|(index, tag)| tags[..index].iter().any(|earlier| earlier.key == tag.key))
}

/// The documentation gives the limits, and these codes for buckets' tags; for objects' they are an assumption.
fn check(tags: &[Tag]) -> Result<(), OssError> {
    if tags.len() > MAX_TAGS {
        return Err(OssError::bad_request("TooManyTags", "The object tags num is beyond limit."));
    }
    let allowed = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " +-=._:/".contains(c));
    for Tag { key, value } in tags {
        if key.is_empty() || key.len() > MAX_KEY_BYTES || !allowed(key) {
            let message = "The TagKey you have provided is invalid.";
            return Err(OssError::bad_request("InvalidTag", message).detail("TagKey", key));
        }
        if value.len() > MAX_VALUE_BYTES || !allowed(value) {
            let message = "The TagValue you have provided is invalid.";
            return Err(OssError::bad_request("InvalidTag", message).detail("TagValue", value));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_and_judged() {
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
        let good = parse_header("a=1&b&c%20d=e%2Ff").expect("three tags");
        assert_eq!(good, [tag("a", "1"), tag("b", ""), tag("c d", "e/f")]);
        assert_eq!(parse_xml(&to_xml(&good)).expect("the same"), good);
        let many = (0..11).map(|number| format!("k{number}=v")).collect::<Vec<_>>().join("&");
        let long_key = "k".repeat(129);
        let long_value = format!("k={}", "v".repeat(257));
        for (text, code) in [
            ("aa=bb=cc", "InvalidArgument"),
            ("a=1&a=2", "InvalidArgument"),
            ("%FF=1", "InvalidArgument"),
            ("=1", "InvalidTag"),
            ("a=%26", "InvalidTag"),
            (&many, "TooManyTags"),
            (&long_key, "InvalidTag"),
            (&long_value, "InvalidTag"),
        ] {
            assert_eq!(parse_header(text).expect_err(text).code, code, "{text}");
        }
        assert!(parse_header(&"k".repeat(128)).is_ok());
    }

    #[test]
    fn a_document_is_read_and_judged() {
        let document = |tags: &str| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
        assert_eq!(parse_xml(&document("")).expect("no tags"), []);
        let twice = document("<Tag><Key>a</Key></Tag><Tag><Key>a</Key><Value>1</Value></Tag>");
        assert_eq!(parse_xml(&twice).expect_err("a key twice").code, "RepeatedTags");
        for xml in ["", "<Tagging/>", "<Other/>", &document("<Tag><Value>1</Value></Tag>")] {
            assert_eq!(parse_xml(xml).expect_err(xml).code, "MalformedXML", "{xml}");
        }
    }
}
