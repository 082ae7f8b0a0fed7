//! Callback bodies in form style: fields are named once and not empty; written again they are read as the same.

use oss_valet::oss::{
    callback_body::{CallbackFields, MAX_BODY_BYTES, MAX_FIELDS},
    encoding::encode_component,
};

const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn target(data: &[u8]) {
    let _whatever = CallbackFields::parse(None, data);
    let Ok(fields) = CallbackFields::parse(Some(FORM), data) else { return };
    check(&fields);
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode_component(name), encode_component(value)));
    let written = pairs.collect::<Vec<_>>().join("&");
    if written.len() <= MAX_BODY_BYTES {
        assert_eq!(CallbackFields::parse(Some(FORM), written.as_bytes()), Ok(fields), "{written}");
    }
}

/// What holds of all fields, however they were written.
pub(super) fn check(fields: &CallbackFields) {
    let all: Vec<_> = fields.iter().collect();
    assert!(all.len() <= MAX_FIELDS);
    for (index, (name, value)) in all.iter().enumerate() {
        assert!(!value.is_empty() && all[..index].iter().all(|(known, _)| known != name), "{name:?}");
        assert_eq!(fields.field(name), Some(*value));
    }
    let _perhaps = fields.image();
}
