use super::*;
use crate::oss::endpoint::AddressingStyle;

fn endpoint() -> Endpoint {
    Endpoint::parse("https://oss-cn-hangzhou.aliyuncs.com", AddressingStyle::Virtual).unwrap()
}

fn with_context<T>(version: SignatureVersion, key: &AccessKey, run: impl FnOnce(&SigningContext<'_>) -> T) -> T {
    let endpoint = endpoint();
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    run(&SigningContext { version, endpoint: &endpoint, region: "cn-hangzhou", key, signing_key: None, now })
}

/// The pair of P§4.5.
fn example_key() -> AccessKey {
    AccessKey::new("LTAI5tExampleAccessKeyId", "ExampleAccessKeySecret0123456789")
}

#[test]
fn an_upload_part_with_a_token_comes_out_as_published() {
    let key = example_key().with_security_token("TOKEN+/=");
    let request = upload_part("examplebucket", "dir/a b.jpg", "0004B9895DBBB6EC98E36", 1);
    let signed = with_context(SignatureVersion::V4, &key, |context| presign(request, &[], 600, context)).unwrap();
    assert_eq!(signed.signature, "f7d21c1a6aab109245af4aefb042b41e97e28d43eefb859e24933870782f6667");
    assert!(
        signed
            .url
            .starts_with("https://examplebucket.oss-cn-hangzhou.aliyuncs.com/dir/a%20b.jpg?partNumber=1&uploadId=")
    );
}

#[test]
fn each_constructor_fixes_method_and_sub_resources() {
    let cases = [
        (put_object("b", "k", vec![]), "PUT /b/k"),
        (get_object("b", "k"), "GET /b/k"),
        (head_object("b", "k"), "HEAD /b/k"),
        (initiate_multipart_upload("b", "k", vec![]), "POST /b/k?uploads"),
        (upload_part("b", "k", "U", 7), "PUT /b/k?partNumber=7&uploadId=U"),
        (list_parts("b", "k", "U"), "GET /b/k?uploadId=U"),
        (complete_multipart_upload("b", "k", "U", vec![]), "POST /b/k?uploadId=U"),
        (abort_multipart_upload("b", "k", "U"), "DELETE /b/k?uploadId=U"),
    ];
    for (request, expected) in cases {
        assert_eq!(format!("{} {}", request.method, sign_v1::canonicalized_resource(&request)), expected);
    }
}

#[test]
fn v4_lifetimes_outside_what_oss_accepts_are_refused() {
    let plain = example_key();
    let token = example_key().with_security_token("t");
    let cases = [
        (&plain, 0, Err(PresignError::ExpiryOutOfRange)),
        (&plain, -60, Err(PresignError::ExpiryOutOfRange)),
        (&plain, 1, Ok(())),
        (&plain, 604_800, Ok(())),
        (&plain, 604_801, Err(PresignError::ExpiryOutOfRange)),
        (&token, 43_200, Ok(())),
        (&token, 43_201, Err(PresignError::TokenExpiryOutOfRange)),
    ];
    for (key, expires_in, expected) in cases {
        let outcome = with_context(SignatureVersion::V4, key, |context| {
            presign(get_object("b", "k"), &[], expires_in, context).map(drop)
        });
        assert_eq!(outcome, expected, "{expires_in} s");
    }
}

#[test]
fn a_cached_signing_key_gives_the_same_signature() {
    let key = example_key();
    with_context(SignatureVersion::V4, &key, |context| {
        let cached = SigningKey::derive(&key, &context.scope());
        let with_cache = SigningContext { signing_key: Some(&cached), ..context.clone() };
        let sign = |context| presign(get_object("b", "k"), &[], 60, context).unwrap();
        assert_eq!(sign(&with_cache), sign(context));
    });
}

#[test]
fn header_signatures_carry_their_dates_and_token() {
    let key = example_key().with_security_token("tok");
    let names = |signed: SignedRequest| signed.headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let v4 = with_context(SignatureVersion::V4, &key, |context| sign_headers(head_object("b", "k"), &[], context));
    assert_eq!(names(v4), ["x-oss-security-token", "x-oss-date", "x-oss-content-sha256", "Authorization"]);
    let v1 = with_context(SignatureVersion::V1, &key, |context| sign_headers(head_object("b", "k"), &[], context));
    assert_eq!(names(v1), ["x-oss-security-token", "Date", "Authorization"]);
}

#[test]
fn a_bucket_call_ends_with_a_slash_and_a_service_call_has_no_bucket() {
    let mut request = get_object("b", "");
    let url =
        |request| with_context(SignatureVersion::V4, &example_key(), |context| sign_headers(request, &[], context)).url;
    assert_eq!(url(request.clone()), "https://b.oss-cn-hangzhou.aliyuncs.com/");
    request.bucket = None;
    assert_eq!(url(request), "https://oss-cn-hangzhou.aliyuncs.com/");
}
