//! A callback's signature: no bytes but the genuine ones verify.
//!
//! The input: path, query, `Authorization` and `x-oss-pub-key-url` in a line each, then the body.

use std::sync::LazyLock;

use oss_valet::oss::callback_signature::{CallbackRequest, TrustedKeys, UnverifiedCallback, string_to_sign};

static KEYS: LazyLock<TrustedKeys> = LazyLock::new(TrustedKeys::oss);

pub(super) fn target(data: &[u8]) {
    let mut parts = data.splitn(5, |byte| *byte == b'\n');
    let [path, query, authorization, key_url, body]: [&[u8]; 5] =
        std::array::from_fn(|_| parts.next().unwrap_or_default());
    let (Some(path), Some(query)) = (super::text(path), super::text(query)) else { return };
    let request = |body: &[u8]| CallbackRequest {
        raw_path: path.into(),
        raw_query: Some(query.into()),
        headers: vec![
            ("Authorization".to_owned(), authorization.to_vec()),
            ("x-oss-pub-key-url".to_owned(), key_url.to_vec()),
        ],
        body: body.to_vec().into(),
    };
    let signed = string_to_sign(path, Some(query), body);
    assert!(signed.ends_with(body) && signed.len() <= path.len() + query.len() + body.len() + 2);
    let Ok(unverified) = UnverifiedCallback::parse(request(body)) else { return };
    let _named = unverified.key_url().len() + unverified.signature().len();
    let _which = unverified.signed_by(&KEYS);
    if unverified.verify(&KEYS, &["/elsewhere".to_owned()]).is_ok() {
        let longer = [body, b"x"].concat();
        let longer = UnverifiedCallback::parse(request(&longer)).expect("the same headers");
        assert!(longer.verify(&KEYS, &["/elsewhere".to_owned()]).is_err(), "a longer body verifies, too");
    }
}
