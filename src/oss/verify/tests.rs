use super::*;
use crate::oss::{
    endpoint::{AddressingStyle, Endpoint},
    post_form,
    post_policy::{Condition, PostPolicy},
    presign::{self, DateHeader, SignedRequest, SigningContext},
};

const NOW: i64 = 1_700_000_000;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(NOW + seconds, 0).unwrap()
}

fn plain_key() -> AccessKey {
    AccessKey::new("AK", "sesame")
}

fn token_key() -> AccessKey {
    plain_key().with_security_token("tok+/=")
}

fn signing<T>(version: SignatureVersion, key: &AccessKey, run: impl FnOnce(&SigningContext<'_>) -> T) -> T {
    let endpoint = Endpoint::parse("https://oss-cn-hangzhou.aliyuncs.com", AddressingStyle::Virtual).unwrap();
    run(&SigningContext { version, endpoint: &endpoint, region: "cn-hangzhou", key, signing_key: None, now: at(0) })
}

fn request() -> SignableRequest {
    let headers = vec![("Content-Type".to_owned(), "a/b".to_owned()), ("Host".to_owned(), "h".to_owned())];
    presign::put_object("b", "dir/a b+%.jpg", headers)
}

fn received(signed: SignedRequest) -> SignableRequest {
    SignableRequest { headers: signed.headers, query: signed.query, ..request() }
}

fn presigned(version: SignatureVersion, key: &AccessKey) -> SignableRequest {
    let additional = ["host".to_owned()];
    received(signing(version, key, |context| presign::presign(request(), &additional, 600, context).unwrap()))
}

fn header_signed(version: SignatureVersion, key: &AccessKey, date: DateHeader) -> SignableRequest {
    let additional = ["host".to_owned()];
    received(signing(version, key, |context| presign::sign_headers_dated(request(), &additional, date, context)))
}

fn check(
    request: &SignableRequest,
    key: &AccessKey,
    seconds: i64,
) -> Result<Option<SignatureVersion>, SignatureRefusal> {
    let context = VerifyingContext { now: at(seconds), region: Some("cn-hangzhou") };
    let find = |id: &str| (id == "AK").then(|| key.clone());
    verify(request, find, &context).map(|verified| verified.map(|verified| verified.version()))
}

fn code(request: &SignableRequest, key: &AccessKey, seconds: i64) -> &'static str {
    check(request, key, seconds).expect_err("refused").code()
}

#[test]
fn what_we_sign_verifies_in_every_scheme_and_place() {
    for key in [plain_key(), token_key()] {
        for version in [SignatureVersion::V1, SignatureVersion::V4] {
            assert_eq!(check(&presigned(version, &key), &key, 1), Ok(Some(version)), "query {version:?}");
            for date in [DateHeader::Date, DateHeader::OssDate] {
                let request = header_signed(version, &key, date);
                assert_eq!(check(&request, &key, 1), Ok(Some(version)), "{date:?} {version:?}");
            }
        }
    }
}

#[test]
fn an_unsigned_request_is_anonymous() {
    assert_eq!(check(&request(), &plain_key(), 0), Ok(None));
}

#[test]
fn blanks_after_the_commas_of_an_authorization_are_allowed() {
    let mut request = header_signed(SignatureVersion::V4, &plain_key(), DateHeader::Date);
    let authorization = &mut request.headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap().1;
    *authorization = authorization.replace(',', ", ");
    assert_eq!(check(&request, &plain_key(), 0), Ok(Some(SignatureVersion::V4)));
}

#[test]
fn a_signature_has_its_time() {
    let key = plain_key();
    let v1 = presigned(SignatureVersion::V1, &key);
    let v4 = presigned(SignatureVersion::V4, &key);
    for request in [&v1, &v4] {
        assert!(check(request, &key, 600).is_ok());
        let refusal = check(request, &key, 601).unwrap_err();
        assert_eq!((refusal.code(), refusal.to_string().as_str()), ("AccessDenied", "Request has expired."));
    }
    assert!(check(&v4, &key, -900).is_ok());
    assert_eq!(code(&v4, &key, -901), "AccessDenied");
    for version in [SignatureVersion::V1, SignatureVersion::V4] {
        let request = header_signed(version, &key, DateHeader::Date);
        for seconds in [-900, 900] {
            assert!(check(&request, &key, seconds).is_ok(), "{seconds} s");
        }
        for seconds in [-901, 901] {
            assert_eq!(code(&request, &key, seconds), "RequestTimeTooSkewed", "{seconds} s");
        }
    }
}

#[test]
fn a_change_anywhere_is_a_mismatch_that_shows_what_the_server_signed() {
    for version in [SignatureVersion::V1, SignatureVersion::V4] {
        let good = presigned(version, &plain_key());
        let changes: [fn(&mut SignableRequest); 4] = [
            |request| request.method = "GET".into(),
            |request| request.key.push('x'),
            |request| request.bucket = Some("c".into()),
            |request| request.headers[0].1 = "text/html".into(),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut request = good.clone();
            change(&mut request);
            let refusal = check(&request, &plain_key(), 0).unwrap_err();
            assert_eq!(
                (refusal.code(), refusal.status()),
                ("SignatureDoesNotMatch", 403),
                "change {index} {version:?}"
            );
            let details = refusal.details();
            assert_eq!(details[0], ("OSSAccessKeyId".to_owned(), "AK".to_owned()));
            assert_eq!(details.last().unwrap().0 == "CanonicalRequest", version == SignatureVersion::V4);
        }
    }
}

#[test]
fn keys_and_tokens_must_belong_together() {
    let other = plain_key().with_security_token("other");
    for version in [SignatureVersion::V1, SignatureVersion::V4] {
        let with_token = presigned(version, &token_key());
        let without = presigned(version, &plain_key());
        assert_eq!(code(&with_token, &other, 0), "InvalidSecurityToken");
        assert_eq!(code(&with_token, &plain_key(), 0), "InvalidSecurityToken");
        assert_eq!(code(&without, &token_key(), 0), "InvalidAccessKeyId");
        assert_eq!(code(&without, &AccessKey::new("AK", "other secret"), 0), "SignatureDoesNotMatch");
        let context = VerifyingContext { now: at(0), region: None };
        assert_eq!(verify(&without, |_| None::<AccessKey>, &context), Err(SignatureRefusal::InvalidAccessKeyId));
    }
}

#[test]
fn what_cannot_be_read_as_one_signature_is_refused() {
    let key = plain_key();
    let with_authorization = |value: &str| {
        let mut request = header_signed(SignatureVersion::V4, &key, DateHeader::Date);
        request.headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap().1 = value.to_owned();
        request
    };
    let with_query = |version, name: &str, value: Option<&str>| {
        let mut request = presigned(version, &key);
        request.query.retain(|(known, _)| known != name);
        request.query.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        request
    };
    let mut twice = presigned(SignatureVersion::V4, &key);
    twice.headers.push(("authorization".to_owned(), "OSS AK:x".to_owned()));
    let mut token_in_header = presigned(SignatureVersion::V1, &key);
    token_in_header.headers.push(("x-oss-security-token".to_owned(), "t".to_owned()));
    let (v1, v4) = (SignatureVersion::V1, SignatureVersion::V4);
    let cases = [
        ("signed twice", twice, "InvalidArgument"),
        ("V1 URL with its token in a header", token_in_header, "InvalidRequest"),
        ("V2 header", with_authorization("OSS2 AccessKeyId:AK,Signature:x"), "InvalidArgument"),
        ("another scheme", with_authorization("Bearer x"), "InvalidArgument"),
        (
            "no signature",
            with_authorization("OSS4-HMAC-SHA256 Credential=AK/20231114/r/oss/aliyun_v4_request"),
            "InvalidArgument",
        ),
        ("V1 without a colon", with_authorization("OSS AK"), "InvalidArgument"),
        ("V1 with an ISO date", with_authorization("OSS AK:c2ln"), "AccessDenied"),
        ("V2 URL", with_query(v4, "x-oss-signature-version", Some("OSS2")), "InvalidArgument"),
        ("no credential", with_query(v4, "x-oss-credential", None), "AccessDenied"),
        ("no signature in the URL", with_query(v4, "x-oss-signature", None), "AccessDenied"),
        ("broken credential", with_query(v4, "x-oss-credential", Some("AK/2023")), "InvalidArgument"),
        (
            "another day",
            with_query(v4, "x-oss-credential", Some("AK/20231115/cn-hangzhou/oss/aliyun_v4_request")),
            "InvalidArgument",
        ),
        (
            "another region",
            with_query(v4, "x-oss-credential", Some("AK/20231114/cn-beijing/oss/aliyun_v4_request")),
            "InvalidArgument",
        ),
        (
            "another product",
            with_query(v4, "x-oss-credential", Some("AK/20231114/cn-hangzhou/ecs/aliyun_v4_request")),
            "InvalidArgument",
        ),
        ("eight days", with_query(v4, "x-oss-expires", Some("691200")), "InvalidArgument"),
        ("no lifetime", with_query(v4, "x-oss-expires", Some("0")), "InvalidArgument"),
        ("lifetime with a plus", with_query(v4, "x-oss-expires", Some("+600")), "InvalidArgument"),
        ("broken date", with_query(v4, "x-oss-date", Some("today")), "InvalidArgument"),
        ("no Expires", with_query(v1, "Expires", None), "AccessDenied"),
        ("Expires that is no number", with_query(v1, "Expires", Some("soon")), "AccessDenied"),
    ];
    for (why, request, expected) in cases {
        assert_eq!(code(&request, &key, 0), expected, "{why}");
    }
}

/// Signed over `signed_names`, listed as `list`: in the header, then in the URL.
fn with_additional(signed_names: &[&str], list: Option<&str>) -> [SignableRequest; 2] {
    let key = plain_key();
    let scope = Scope::oss(at(0), "cn-hangzhou");
    let names: Vec<_> = signed_names.iter().map(|name| (*name).to_owned()).collect();
    let sign = |request: &SignableRequest| {
        let canonical = sign_v4::canonical_request(request, &names);
        let text = sign_v4::string_to_sign(&canonical, &sign_v4::format_date(at(0)), &scope);
        SigningKey::derive(&key, &scope).sign_text(&text)
    };
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut plain = request();
    plain.headers.extend([own("Range", "bytes=0-1"), own("x_odd", "1")]);
    let (mut header, mut url) = (plain.clone(), plain);
    header.headers.push(own("x-oss-date", &sign_v4::format_date(at(0))));
    let listed = list.map(|list| format!(",AdditionalHeaders={list}")).unwrap_or_default();
    let authorization =
        format!("OSS4-HMAC-SHA256 Credential={}{listed},Signature={}", scope.credential("AK"), sign(&header));
    header.headers.push(own("Authorization", &authorization));
    url.query.extend([
        own("x-oss-signature-version", sign_v4::ALGORITHM),
        own("x-oss-credential", &scope.credential("AK")),
        own("x-oss-date", &sign_v4::format_date(at(0))),
        own("x-oss-expires", "600"),
    ]);
    url.query.extend(list.map(|list| own("x-oss-additional-headers", list)));
    let signature = sign(&url);
    url.query.push(own("x-oss-signature", &signature));
    [header, url]
}

#[test]
fn additional_headers_must_be_there_and_in_their_form() {
    let v4 = Ok(Some(SignatureVersion::V4));
    for (signed, list) in [
        (&[][..], None),
        (&["host"], Some("host")),
        (&["host", "range"], Some("host;range")),
        // Signed anyway, so that naming it changes nothing.
        (&["host"], Some("content-type;host")),
        // The list is sorted before it is signed: its own form means nothing.
        (&["host", "range"], Some("Range;host;host")),
    ] {
        for request in with_additional(signed, list) {
            assert_eq!(check(&request, &plain_key(), 0), v4, "{list:?}");
        }
    }
    let cases = [
        ("", ["0002-00000209", "0002-00000076"]),
        ("host;", ["0002-00000210", "0002-00000077"]),
        (";host", ["0002-00000210", "0002-00000077"]),
        ("host;if-match", ["0002-00000211", "0002-00000077"]),
        (" host", ["0002-00000211", "0002-00000077"]),
        ("x_odd", ["0002-00000211", "0002-00000077"]),
    ];
    for (list, ecs) in cases {
        // However it was signed: the list is judged before the signature is.
        for (request, ec) in with_additional(&["host"], Some(list)).iter().zip(ecs) {
            let refusal = check(request, &plain_key(), 0).unwrap_err();
            assert_eq!((refusal.code(), refusal.status()), ("InvalidArgument", 400), "{list:?}");
            assert_eq!(refusal.ec().unwrap_or_default(), ec, "{list:?}");
            assert_eq!(refusal.details()[1].1, list);
        }
    }
    for request in with_additional(&["host"], Some("host;range")) {
        assert_eq!(code(&request, &plain_key(), 0), "SignatureDoesNotMatch", "more is listed than was signed");
    }
    for request in with_additional(&["host"], None) {
        assert_eq!(code(&request, &plain_key(), 0), "SignatureDoesNotMatch", "more was signed than is listed");
    }
}

#[test]
fn a_changed_additional_header_is_a_mismatch_and_another_is_not() {
    for request in with_additional(&["host"], Some("host")) {
        let change = |name: &str| {
            let mut changed = request.clone();
            changed.headers.iter_mut().find(|(known, _)| known == name).unwrap().1.push('1');
            check(&changed, &plain_key(), 0).map_err(|refusal| refusal.code())
        };
        assert_eq!(change("Host"), Err("SignatureDoesNotMatch"));
        assert_eq!(change("Range"), Ok(Some(SignatureVersion::V4)));
        assert_eq!(change("Content-Type"), Err("SignatureDoesNotMatch"));
    }
}

#[test]
fn a_url_with_a_token_lives_twelve_hours_at_most() {
    let with_expires = |key: &AccessKey, seconds: &str| {
        let signed = signing(SignatureVersion::V4, key, |context| {
            presign::presign_unchecked(request(), &[], seconds.parse().unwrap(), context)
        });
        check(&received(signed), key, 0).map_err(|refusal| refusal.code())
    };
    let v4 = Ok(Some(SignatureVersion::V4));
    assert_eq!(with_expires(&token_key(), "43200"), v4);
    assert_eq!(with_expires(&token_key(), "43201"), Err("InvalidArgument"));
    assert_eq!(with_expires(&plain_key(), "43201"), v4);
    assert_eq!(with_expires(&plain_key(), "604800"), v4);
    assert_eq!(with_expires(&plain_key(), "604801"), Err("InvalidArgument"));
}

#[test]
fn a_token_expires_whatever_the_signature_says() {
    let key = token_key();
    let known = KnownKey { key: key.clone(), expires_at: Some(at(300)) };
    let judge = |request: &SignableRequest, seconds: i64, known: &KnownKey| {
        let context = VerifyingContext { now: at(seconds), region: Some("cn-hangzhou") };
        verify(request, |_| Some(known.clone()), &context).map(|_| ()).map_err(|refusal| refusal.code())
    };
    for version in [SignatureVersion::V1, SignatureVersion::V4] {
        for request in [presigned(version, &key), header_signed(version, &key, DateHeader::Date)] {
            assert_eq!(judge(&request, 299, &known), Ok(()), "{version:?}");
            assert_eq!(judge(&request, 300, &known), Err("SecurityTokenExpired"), "{version:?}");
            let other = KnownKey { key: plain_key().with_security_token("other"), ..known.clone() };
            assert_eq!(judge(&request, 300, &other), Err("InvalidSecurityToken"), "{version:?}");
            let forged = KnownKey { key: AccessKey::new("AK", "x").with_security_token("tok+/="), ..known.clone() };
            assert_eq!(judge(&request, 300, &forged), Err("SecurityTokenExpired"), "{version:?}");
        }
        let fields = form(version, &key);
        let judge_form = |seconds| {
            let context = VerifyingContext { now: at(seconds), region: Some("cn-hangzhou") };
            verify_post_form(&fields, |_| Some(known.clone()), &context).map(|_| ()).map_err(|refusal| refusal.code())
        };
        assert_eq!((judge_form(299), judge_form(300)), (Ok(()), Err("SecurityTokenExpired")), "{version:?}");
    }
}

fn form(version: SignatureVersion, key: &AccessKey) -> Vec<(String, String)> {
    signing(version, key, |context| {
        let mut conditions = vec![Condition::Simple("bucket".into(), "b".into())];
        conditions.extend(post_form::signature_conditions(context).into_iter().map(|(n, v)| Condition::Eq(n, v)));
        post_form::signature_fields(&PostPolicy { expiration: at(600), conditions }, context)
    })
}

fn check_form(fields: &[(String, String)], key: &AccessKey, seconds: i64) -> Result<bool, SignatureRefusal> {
    let context = VerifyingContext { now: at(seconds), region: Some("cn-hangzhou") };
    let verified = verify_post_form(fields, |id| (id == "AK").then(|| key.clone()), &context)?;
    Ok(verified.is_some_and(|form| form.access_key_id() == "AK" && form.policy().expiration == at(600)))
}

#[test]
fn a_form_that_we_sign_verifies_and_a_changed_one_does_not() {
    for key in [plain_key(), token_key()] {
        for version in [SignatureVersion::V1, SignatureVersion::V4] {
            let fields = form(version, &key);
            assert_eq!(check_form(&fields, &key, 0), Ok(true), "{version:?}");
            let mut changed = fields.clone();
            changed.iter_mut().find(|(name, _)| name == "policy").unwrap().1.push('A');
            assert_eq!(check_form(&changed, &key, 0).unwrap_err().code(), "SignatureDoesNotMatch", "{version:?}");
            for left_out in
                ["policy", "Signature", "OSSAccessKeyId", "x-oss-date", "x-oss-credential", "x-oss-signature"]
            {
                let fewer: Vec<_> = fields.iter().filter(|(name, _)| name != left_out).cloned().collect();
                if fewer.len() < fields.len() {
                    assert_eq!(check_form(&fewer, &key, 0).unwrap_err().code(), "InvalidArgument", "{left_out}");
                }
            }
        }
    }
    assert_eq!(check_form(&[], &plain_key(), 0), Ok(false), "an anonymous form");
}

#[test]
fn a_v4_form_lives_seven_days_at_most_and_pins_its_signature_fields() {
    let key = plain_key();
    let fields = form(SignatureVersion::V4, &key);
    assert!(check_form(&fields, &key, 604_800).is_ok());
    assert_eq!(check_form(&fields, &key, 604_801), Err(SignatureRefusal::expired()));
    assert_eq!(check_form(&fields, &key, -901).unwrap_err().code(), "RequestTimeTooSkewed");
    let unpinned = signing(SignatureVersion::V4, &key, |context| {
        let conditions = vec![Condition::Simple("bucket".into(), "b".into())];
        post_form::signature_fields(&PostPolicy { expiration: at(600), conditions }, context)
    });
    assert_eq!(check_form(&unpinned, &key, 0).unwrap_err().code(), "AccessDenied");
}
