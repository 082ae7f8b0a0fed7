//! What OSS makes of a template (P§1.5).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::CallbackBodyType;

/// What stays as it is in a form value: letters, digits and the three marks seen in genuine callbacks.
const FORM_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// The system variables of one stored object (P§1.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemVariables {
    /// Bucket name.
    pub bucket: String,
    /// The full key.
    pub object: String,
    /// Upper-case hex, without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// The stored content type.
    pub mime_type: String,
    /// Height, width, format; `None` for what is no image.
    pub image: Option<ImageInfo>,
    /// Decimal.
    pub crc64: String,
    /// Base64; empty for Complete.
    pub content_md5: String,
    /// Empty unless via VPC.
    pub vpc_id: String,
    /// The uploader's address.
    pub client_ip: String,
    /// The request id.
    pub req_id: String,
    /// `PutObject`, `PostObject`, `CompleteMultipartUpload`.
    pub operation: String,
}

/// What OSS reads off an image.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageInfo {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `png`, `jpg`, `gif`, `webp`, `bmp`, ….
    pub format: String,
}

/// Substitutes `${…}` in the template as OSS does, with the quirks of form and JSON mode.
///
/// The text around a variable plays no part, in JSON mode neither: a string variable always becomes a JSON string with its
/// quotes, a number always its bare digits. Genuine callbacks show it: numbers inside a quoted string, and templates that
/// are no JSON filled in all the same. So `"${size}"` becomes `"5"`, and `"${object}"` the broken `""a.jpg""`. A string
/// without value becomes `null`, an image's missing number nothing at all. A variable that the client set to the empty
/// string is a string.
/// `${` without `}` and everything else is copied, and what was put in is not looked at again.
pub fn substitute(
    template: &str,
    body_type: CallbackBodyType,
    system: &SystemVariables,
    vars: &[(String, String)],
) -> String {
    let mut body = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        body.push_str(before);
        let value = value_of(name, system, vars);
        match body_type {
            CallbackBodyType::Form => value.write_form(&mut body),
            CallbackBodyType::Json => value.write_json(&mut body),
        }
        rest = behind;
    }
    body.push_str(rest);
    body
}

enum VariableValue<'a> {
    Text(&'a str),
    /// Unknown, or known and without value.
    NoText,
    Number(Option<u64>),
}

fn value_of<'a>(name: &str, system: &'a SystemVariables, vars: &'a [(String, String)]) -> VariableValue<'a> {
    use VariableValue::{NoText, Number, Text};
    let image = system.image.as_ref();
    let text = match name {
        "size" => return Number(Some(system.size)),
        "imageInfo.height" => return Number(image.map(|image| image.height.into())),
        "imageInfo.width" => return Number(image.map(|image| image.width.into())),
        "imageInfo.format" => image.map_or("", |image| &image.format),
        "bucket" => &system.bucket,
        "object" => &system.object,
        "etag" => &system.etag,
        "mimeType" => &system.mime_type,
        "crc64" => &system.crc64,
        "contentMd5" => &system.content_md5,
        "vpcId" => &system.vpc_id,
        "clientIp" => &system.client_ip,
        "reqId" => &system.req_id,
        "operation" => &system.operation,
        _ => return vars.iter().find(|(known, _)| known == name).map_or(NoText, |(_, value)| Text(value)),
    };
    if text.is_empty() { NoText } else { Text(text) }
}

impl VariableValue<'_> {
    fn write_form(&self, body: &mut String) {
        match self {
            Self::Text(text) => body.extend(utf8_percent_encode(text, FORM_VALUE)),
            Self::NoText | Self::Number(None) => {}
            Self::Number(Some(number)) => body.push_str(&number.to_string()),
        }
    }

    fn write_json(&self, body: &mut String) {
        let text = match self {
            Self::Text(text) => Cow::Owned(serde_json::to_string(text).expect("a string is JSON")),
            Self::NoText => Cow::Borrowed("null"),
            Self::Number(None) => Cow::Borrowed(""),
            Self::Number(Some(number)) => Cow::Owned(number.to_string()),
        };
        body.push_str(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> SystemVariables {
        SystemVariables {
            bucket: "examplebucket".to_owned(),
            object: "dir/a b_c-d.中\"~.jpg".to_owned(),
            etag: "D8E8FCA2".to_owned(),
            size: 5,
            mime_type: "image/jpeg".to_owned(),
            operation: "PutObject".to_owned(),
            ..SystemVariables::default()
        }
    }

    #[test]
    fn templates_are_filled_as_oss_fills_them() {
        use CallbackBodyType::{Form, Json};
        let cases = [
            (
                "escapes in a form",
                Form,
                "o=${object}&m=${mimeType}",
                "o=dir%2Fa%20b_c-d.%E4%B8%AD%22%7E.jpg&m=image%2Fjpeg",
            ),
            ("no image in a form", Form, "h=${imageInfo.height}&f=${imageInfo.format}&s=${size}", "h=&f=&s=5"),
            ("custom variables", Form, "a=${x:a}&b=${x:b}&c=${x:c}", "a=1%2B1&b=&c="),
            ("unknown in a form", Form, "${nothing}${}|", "|"),
            (
                "JSON strings and numbers",
                Json,
                r#"{"o":${object},"s":${size}}"#,
                r#"{"o":"dir/a b_c-d.中\"~.jpg","s":5}"#,
            ),
            (
                "no image in JSON",
                Json,
                r#"{"h":${imageInfo.height},"w":${imageInfo.width},"f":${imageInfo.format}}"#,
                r#"{"h":,"w":,"f":null}"#,
            ),
            ("missing strings in JSON", Json, "${x:c} ${imageInfo} ${vpcId} ${x:b}", r#"null null null """#),
            ("numbers in quotes", Json, r#"{"s":"${size}"}"#, r#"{"s":"5"}"#),
            ("strings in quotes", Json, r#"{"b":"${bucket}"}"#, r#"{"b":""examplebucket""}"#),
            ("a form in JSON mode", Json, "b=${bucket}&s=${size}", r#"b="examplebucket"&s=5"#),
            ("percent-encoded template", Form, "a=%24%7Bobject%7D", "a=%24%7Bobject%7D"),
            ("never closed", Form, "a=${bucket}&b=${object", "a=examplebucket&b=${object"),
            ("names are case-sensitive", Form, "${Bucket}|", "|"),
            ("what was put in stays", Form, "${x:d}", "%24%7Bbucket%7D"),
        ];
        let vars = [("x:a", "1+1"), ("x:b", ""), ("x:d", "${bucket}")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        for (what, body_type, template, expected) in cases {
            assert_eq!(substitute(template, body_type, &stored(), &vars), expected, "{what}");
        }
    }

    #[test]
    fn the_official_sample_comes_out_with_its_length() {
        let system = SystemVariables {
            bucket: "callback-test".to_owned(),
            object: "test.txt".to_owned(),
            etag: "D8E8FCA2DC0F896FD7CB4CB0031BA249".to_owned(),
            size: 5,
            mime_type: "text/plain".to_owned(),
            ..SystemVariables::default()
        };
        let template = "bucket=${bucket}&object=${object}&etag=${etag}&size=${size}&mimeType=${mimeType}\
                        &imageInfo.height=${imageInfo.height}&imageInfo.width=${imageInfo.width}\
                        &imageInfo.format=${imageInfo.format}&x:var1=${x:var1}";
        let vars = [("x:var1".to_owned(), "for-callback-test".to_owned())];
        let body = substitute(template, CallbackBodyType::Form, &system, &vars);
        assert_eq!(body.len(), 181);
        assert!(body.contains("&mimeType=text%2Fplain&imageInfo.height=&imageInfo.width=&imageInfo.format=&x:var1="));
    }

    #[test]
    fn a_genuine_body_comes_out_byte_for_byte() {
        let image = ImageInfo { width: 810, height: 539, format: "jpg".to_owned() };
        let system = SystemVariables { size: 114_020, image: Some(image), object: "1/1_h.jpg".to_owned(), ..stored() };
        let template =
            r#"{"source_name":${object},"size":${size},"pic_info":"${imageInfo.width},${imageInfo.height}"}"#;
        let body = substitute(template, CallbackBodyType::Json, &system, &[]);
        assert_eq!(body, r#"{"source_name":"1/1_h.jpg","size":114020,"pic_info":"810,539"}"#);
    }
}
