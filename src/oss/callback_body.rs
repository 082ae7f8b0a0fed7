//! Callback bodies as OSS really writes them → typed fields (P§1.5).

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::callback::ImageInfo;

/// Longest body that is read, in bytes. A template is at most 5 KB and what fills it a few hundred bytes each, so that no
/// callback of ours comes near; the HTTP layer refuses longer ones with the same constant before they are buffered.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Most fields that are read: OSS's fourteen variables and ten of ours leave room.
pub const MAX_FIELDS: usize = 256;

/// The fields of a callback body, by name; values are text whatever the body type. `null`, absent and empty are the same: absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallbackFields {
    fields: Vec<(String, String)>,
}

/// Why a body can't be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnparseableBody {
    /// Neither form nor JSON.
    #[error("the body is neither a form nor JSON: {0}")]
    Syntax(String),
    /// A name occurs twice.
    #[error("the name `{0}` occurs twice")]
    DuplicateName(String),
    /// The JSON is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
}

/// What a body claims to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Form,
    Json,
}

impl CallbackFields {
    /// Parses by content type: form (`+` and `%20` are spaces) or JSON with OSS's quirks (`"imageInfo.height":,`). Without
    /// a content type that is either, the first character decides.
    ///
    /// JSON numbers are kept as written and nested values as their JSON text. A template in form style that OSS filled in
    /// JSON style (`name="value"&size=1`) is read too. In a form, a value that is not UTF-8 counts as absent: it can be
    /// nothing of ours, and OSS signs bytes, not text.
    ///
    /// # Errors
    /// When the body can't be read, or a name occurs twice.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, UnparseableBody> {
        if body.len() > MAX_BODY_BYTES {
            return Err(UnparseableBody::Syntax(format!("it is longer than {MAX_BODY_BYTES} bytes")));
        }
        let looks_like_json = body.trim_ascii_start().starts_with(b"{");
        let fields = match kind(content_type) {
            Some(Kind::Json) | None if looks_like_json => json(body)?,
            Some(Kind::Json) => form_in_json_style(body),
            Some(Kind::Form) | None => form(body),
        };
        Self::new(fields)
    }

    fn new(mut fields: Vec<(String, String)>) -> Result<Self, UnparseableBody> {
        if fields.len() > MAX_FIELDS {
            return Err(UnparseableBody::Syntax(format!("it has more than {MAX_FIELDS} fields")));
        }
        for (i, (name, _)) in fields.iter().enumerate() {
            if fields[..i].iter().any(|(other, _)| other == name) {
                return Err(UnparseableBody::DuplicateName(name.clone()));
            }
        }
        fields.retain(|(_, value)| !value.is_empty());
        Ok(Self { fields })
    }

    /// The value of `name`; `None` when absent, null or empty.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All present fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// `imageInfo.*`, when all three are there.
    pub fn image(&self) -> Option<ImageInfo> {
        Some(ImageInfo {
            width: self.field("imageInfo.width")?.parse().ok()?,
            height: self.field("imageInfo.height")?.parse().ok()?,
            format: self.field("imageInfo.format")?.to_owned(),
        })
    }
}

fn kind(content_type: Option<&str>) -> Option<Kind> {
    let essence = content_type?.split(';').next()?.trim();
    let is = |name: &str| essence.eq_ignore_ascii_case(name);
    if is("application/x-www-form-urlencoded") {
        Some(Kind::Form)
    } else if is("application/json") {
        Some(Kind::Json)
    } else {
        None
    }
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    pairs(body, form_decode)
}

/// The values are JSON, and nothing is percent-encoded: a template in form style with `callbackBodyType: application/json`.
fn form_in_json_style(body: &[u8]) -> Vec<(String, String)> {
    pairs(body, |bytes| {
        let text = serde_json::from_slice::<&RawValue>(bytes).and_then(text_of);
        text.map_or(Cow::Borrowed(bytes), |text| Cow::Owned(text.into_bytes()))
    })
}

fn pairs<'a>(body: &'a [u8], decode: impl Fn(&'a [u8]) -> Cow<'a, [u8]>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = at.map_or((pair, &pair[pair.len()..]), |at| (&pair[..at], &pair[at + 1..]));
        let Some(name) = utf8(decode(name)) else { continue };
        // A value that is not text counts as absent; its name still counts as taken.
        fields.push((name, utf8(decode(value)).unwrap_or_default()));
        if fields.len() > MAX_FIELDS {
            break;
        }
    }
    fields
}

/// `+` and `%20` are spaces: which of them OSS writes is not evidenced (P§1.5).
fn form_decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'+') {
        return percent_decode(bytes).into();
    }
    let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

fn utf8(bytes: Cow<'_, [u8]>) -> Option<String> {
    String::from_utf8(bytes.into_owned()).ok()
}

fn json(body: &[u8]) -> Result<Vec<(String, String)>, UnparseableBody> {
    let text = std::str::from_utf8(body).map_err(|_| UnparseableBody::NotUtf8)?;
    let object = serde_json::from_str::<FlatObject>(text).or_else(|error| {
        // Only then: in a body that is JSON no colon is without a value.
        serde_json::from_str::<FlatObject>(&with_nulls(text)).map_err(|_| error)
    });
    object.map(|object| object.0).map_err(|error| UnparseableBody::Syntax(error.to_string()))
}

/// Writes the `null` that OSS leaves out where an image's number is missing: `"imageInfo.height":,`.
fn with_nulls(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut in_string, mut escaped, mut after_colon) = (false, false, false);
    for c in text.chars() {
        if after_colon && matches!(c, ',' | '}') {
            out.push_str("null");
        }
        out.push(c);
        if in_string {
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else {
            in_string = c == '"';
            after_colon = c == ':' || (after_colon && c.is_ascii_whitespace());
        }
    }
    out
}

/// A JSON object's names and values in order, repeated names included: a map would hide them.
struct FlatObject(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for FlatObject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = FlatObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FlatObject, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    fields.push((name, text_of(value).map_err(serde::de::Error::custom)?));
                }
                Ok(FlatObject(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A string's text, nothing for `null`, the JSON text as written for all else.
fn text_of(value: &RawValue) -> Result<String, serde_json::Error> {
    match value.get() {
        "null" => Ok(String::new()),
        text if text.starts_with('"') => serde_json::from_str(text),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json; charset=utf-8";

    fn fields(content_type: &str, body: &str) -> Vec<(String, String)> {
        let fields = CallbackFields::parse(Some(content_type), body.as_bytes()).unwrap();
        fields.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn bodies_are_read_as_oss_writes_them() {
        type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);
        let cases: [Case; 13] = [
            ("form escapes", FORM, "object=a%2Fb%E4%B8%AD&x:a=1", &[("object", "a/b中"), ("x:a", "1")]),
            ("both spaces", FORM, "object=a+b%20c%2Bd", &[("object", "a b c+d")]),
            ("empty and bare names", FORM, "a=&b&&c=1=2&", &[("c", "1=2")]),
            ("an empty form", FORM, "", &[]),
            ("a broken escape", FORM, "a=%zz%", &[("a", "%zz%")]),
            ("another media type's case", "APPLICATION/X-WWW-Form-urlencoded", "a=1", &[("a", "1")]),
            ("JSON", JSON, r#"{"object":"a/\"b","size":10,"x:a":null}"#, &[("object", "a/\"b"), ("size", "10")]),
            (
                "JSON numbers as written",
                JSON,
                r#"{"a":1.50,"b":1e3,"c":true}"#,
                &[("a", "1.50"), ("b", "1e3"), ("c", "true")],
            ),
            (
                "missing image numbers",
                JSON,
                r#"{"imageInfo.height":, "imageInfo.width": ,"object":"a:,\"b:}","z":}"#,
                &[("object", "a:,\"b:}")],
            ),
            ("nested JSON as text", JSON, r#"{"a":{"b": [1]}}"#, &[("a", r#"{"b": [1]}"#)]),
            (
                "JSON style in a form",
                JSON,
                r#"filename="a/b.png"&size=5&h="#,
                &[("filename", "a/b.png"), ("size", "5")],
            ),
            ("sniffed JSON", "text/plain", " {\"a\":\"1\"}", &[("a", "1")]),
            ("sniffed form", "text/plain", "a=1", &[("a", "1")]),
        ];
        for (what, content_type, body, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(fields(content_type, body), expected, "{what}");
        }
    }

    #[test]
    fn unreadable_bodies_are_refused() {
        let duplicate = |name: &str| UnparseableBody::DuplicateName(name.to_owned());
        let cases: [(&str, &str, &[u8], UnparseableBody); 5] = [
            ("a name twice", FORM, b"a=1&b=2&a=1", duplicate("a")),
            ("a name twice, once escaped and empty", FORM, b"%61=&a=1", duplicate("a")),
            ("a JSON name twice", JSON, br#"{"a":1,"\u0061":null}"#, duplicate("a")),
            ("a name twice, once without text", FORM, b"object=%D6%D0&object=a", duplicate("object")),
            ("JSON that is not UTF-8", JSON, b"{\"a\":\"\xD6\"}", UnparseableBody::NotUtf8),
        ];
        for (what, content_type, body, refused) in cases {
            assert_eq!(CallbackFields::parse(Some(content_type), body), Err(refused), "{what}");
        }
        for body in ["{", "{\"a\"}", "{\"a\":1}}", "{:,}", "{\"a\",\"b\"}", "{\"a\":\"\\ud800\"}"] {
            let parsed = CallbackFields::parse(Some(JSON), body.as_bytes());
            assert!(matches!(parsed, Err(UnparseableBody::Syntax(_))), "{body}");
        }
    }

    #[test]
    fn size_and_number_of_fields_are_bounded() {
        let many = (0..=MAX_FIELDS).map(|i| format!("f{i}=1")).collect::<Vec<_>>().join("&");
        let long = "a".repeat(MAX_BODY_BYTES + 1);
        for body in [many.as_str(), long.as_str()] {
            assert!(matches!(CallbackFields::parse(Some(FORM), body.as_bytes()), Err(UnparseableBody::Syntax(_))));
        }
        assert_eq!(fields(FORM, many.rsplit_once('&').unwrap().0).len(), MAX_FIELDS);
    }

    #[test]
    fn what_is_not_utf8_counts_as_absent() {
        let parsed = CallbackFields::parse(Some(FORM), b"object=%D6%D0&k=\xD6\xD0&\xFF=1&x:a=2").unwrap();
        assert_eq!(parsed.iter().collect::<Vec<_>>(), [("x:a", "2")]);
    }

    #[test]
    fn an_image_needs_all_three() {
        let image = |body: &str| CallbackFields::parse(Some(JSON), body.as_bytes()).unwrap().image();
        let whole = r#"{"imageInfo.height":2,"imageInfo.width":"3","imageInfo.format":"png"}"#;
        assert_eq!(image(whole), Some(ImageInfo { width: 3, height: 2, format: "png".to_owned() }));
        assert_eq!(image(r#"{"imageInfo.height":,"imageInfo.width":,"imageInfo.format":null}"#), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(kind in 0..3_usize, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CallbackFields::parse([Some(FORM), Some(JSON), None][kind], &body);
        }

        #[test]
        fn no_near_json_makes_it_panic(body in "\\{[\"a:,{}\\[\\]\\\\ 1nul]{0,40}") {
            let _ = CallbackFields::parse(Some(JSON), body.as_bytes());
        }
    }
}
