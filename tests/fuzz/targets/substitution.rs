//! Filling a callback's template: any template ends; what a variable says comes out of the body as it went in.
//!
//! The input: a value in the first line, a template in the rest.

use oss_valet::oss::{
    callback::{CallbackBodyType, SystemVariables, substitute},
    callback_body::{CallbackFields, MAX_BODY_BYTES},
};

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let [value, template] = super::lines(text);
    let system = SystemVariables { object: value.to_owned(), size: 7, ..SystemVariables::default() };
    let vars = [("x:v".to_owned(), value.to_owned())];
    for (body_type, own) in [
        (CallbackBodyType::Form, "a=${x:v}&object=${object}&size=${size}"),
        (CallbackBodyType::Json, r#"{"a":${x:v},"object":${object},"size":${size}}"#),
    ] {
        let _anything = substitute(template, body_type, &system, &vars);
        let body = substitute(own, body_type, &system, &vars);
        if body.len() > MAX_BODY_BYTES {
            return;
        }
        let fields = CallbackFields::parse(Some(body_type.as_str()), body.as_bytes()).expect("OSS writes what is read");
        let expected = (!value.is_empty()).then_some(value);
        assert_eq!((fields.field("a"), fields.field("object")), (expected, expected), "{body}");
        assert_eq!(fields.field("size"), Some("7"));
    }
}
