//! The callback's variables, as Base64 or as the JSON inside: what is read, written again, is read as the same.

use base64::{Engine, engine::general_purpose::STANDARD};
use oss_valet::oss::callback::{MAX_BLOB_BYTES, decode_vars, encode_vars};

pub(super) fn target(data: &[u8]) {
    if let Some(text) = super::text(data) {
        check(text);
    }
    check(&STANDARD.encode(data));
}

fn check(blob: &str) {
    let vars = match decode_vars(blob) {
        Ok(vars) => vars,
        Err(refusal) => return assert_eq!(refusal.argument, "callback-var"),
    };
    for (index, (name, _)) in vars.iter().enumerate() {
        assert!(name.len() > 2 && name.starts_with("x:") && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
        assert!(vars[..index].iter().all(|(known, _)| known != name), "{name} twice");
    }
    let written = encode_vars(&vars);
    if written.len() <= MAX_BLOB_BYTES {
        assert_eq!(decode_vars(&written), Ok(vars));
    }
}
