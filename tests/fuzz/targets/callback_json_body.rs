//! Callback bodies in JSON style, with OSS's quirks: fields are named once; written again they are read as the same.

use oss_valet::oss::callback_body::{CallbackFields, MAX_BODY_BYTES};

const JSON: &str = "application/json";

pub(super) fn target(data: &[u8]) {
    let Ok(fields) = CallbackFields::parse(Some(JSON), data) else { return };
    super::callback_form_body::check(&fields);
    let quoted = |text: &str| serde_json::to_string(text).expect("a string is JSON");
    let members: Vec<_> = fields.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    let written = format!("{{{}}}", members.join(","));
    if written.len() <= MAX_BODY_BYTES {
        assert_eq!(CallbackFields::parse(Some(JSON), written.as_bytes()), Ok(fields), "{written}");
    }
}
