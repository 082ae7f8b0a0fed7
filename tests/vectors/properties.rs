//! Properties of the pure signing code, over odd keys and values.

use chrono::{DateTime, Utc};
use oss_valet::oss::{
    access_key::AccessKey,
    encoding,
    endpoint::{AddressingStyle, Endpoint},
    post_policy::{Condition, PostFormFacts, PostPolicy},
    presign::{self, SigningContext},
    request::{SignableRequest, SignatureVersion},
    verify::{self, SignatureRefusal, VerifyingContext},
    xml::ErrorDocument,
};
use proptest::{collection::vec, prelude::*, sample::Index};

const NOW: i64 = 1_700_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

/// Keys that are awkward in URLs and signatures.
fn odd_key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z%+? /&=#;:@!*'()~\\\\中é😀.-]{1,24}", "[^\\x00]{1,12}", Just("a//b/../c".to_owned())]
}

fn version() -> impl Strategy<Value = SignatureVersion> {
    prop_oneof![Just(SignatureVersion::V1), Just(SignatureVersion::V4)]
}

fn style() -> impl Strategy<Value = AddressingStyle> {
    prop_oneof![Just(AddressingStyle::Virtual), Just(AddressingStyle::Cname), Just(AddressingStyle::Path)]
}

fn access_key(token: Option<&str>) -> AccessKey {
    let key = AccessKey::new("AK", "sesame");
    match token {
        Some(token) => key.with_security_token(token),
        None => key,
    }
}

/// Presigns a PUT and reads it back from the URL, as a server would.
fn presigned(key: &str, version: SignatureVersion, style: AddressingStyle, access_key: &AccessKey) -> SignableRequest {
    let endpoint = Endpoint::parse("https://oss.example.com", style).unwrap();
    let context =
        SigningContext { version, endpoint: &endpoint, region: "r", key: access_key, signing_key: None, now: now() };
    let headers = vec![("Content-Type".to_owned(), "a/b".to_owned()), ("x-oss-meta-a".to_owned(), "1".to_owned())];
    let mut request = presign::put_object("bucket", key, headers.clone());
    request.query = vec![("callback-var".to_owned(), "e30=".to_owned()), ("callback".to_owned(), "a+/=".to_owned())];
    let signed = presign::presign(request, &[], 600, &context).unwrap();
    let (address, query) = signed.url.split_once('?').unwrap();
    let path = address.strip_prefix(&endpoint.bucket_url("bucket")).and_then(|path| path.strip_prefix('/')).unwrap();
    SignableRequest {
        headers,
        query: encoding::decode_query(query).unwrap(),
        ..SignableRequest::object("PUT", "bucket", &encoding::decode_path(path).unwrap())
    }
}

fn check(request: &SignableRequest, key: &AccessKey) -> Result<bool, SignatureRefusal> {
    let context = VerifyingContext { now: now(), region: Some("r") };
    verify::verify(request, |id| (id == "AK").then(|| key.clone()), &context).map(|verified| verified.is_some())
}

/// The texts of a request that both versions sign.
fn signed_texts(request: &mut SignableRequest) -> Vec<&mut String> {
    let SignableRequest { method, bucket, key, headers, query } = request;
    let mut texts = vec![method, key];
    texts.extend(bucket);
    texts.extend(headers.iter_mut().map(|(_, value)| value));
    texts.extend(query.iter_mut().map(|(_, value)| value));
    texts
}

fn condition() -> impl Strategy<Value = Condition> {
    let field = || "[a-z$:-]{1,12}".prop_filter("a bucket is matched exactly", |field| field != "bucket");
    let literal = || "[ -~\\\\$\"中😀\n\t]{0,12}";
    prop_oneof![
        (field(), literal()).prop_map(|(field, value)| Condition::Simple(field, value)),
        (field(), literal()).prop_map(|(field, value)| Condition::Eq(field, value)),
        (field(), literal()).prop_map(|(field, value)| Condition::StartsWith(field, value)),
        (field(), vec(literal(), 0..3)).prop_map(|(field, values)| Condition::In(field, values)),
        (field(), vec(literal(), 0..3)).prop_map(|(field, values)| Condition::NotIn(field, values)),
        (0..1000_u64, 1000..u64::MAX).prop_map(|(min, max)| Condition::ContentLengthRange(min, max)),
    ]
}

fn xml_text() -> impl Strategy<Value = String> {
    "[ -~\n\r\t中😀]{0,24}"
}

proptest! {
    #[test]
    fn what_is_presigned_verifies_whatever_the_key(
        key in odd_key(), version in version(), style in style(), token in proptest::option::of("[ -~]{1,16}"),
    ) {
        let access_key = access_key(token.as_deref());
        prop_assert_eq!(check(&presigned(&key, version, style, &access_key), &access_key), Ok(true));
    }

    #[test]
    fn one_changed_character_fails_verification(
        key in odd_key(), version in version(), at in any::<Index>(), within in any::<Index>(), by in "[a-zA-Z0-9]",
    ) {
        let access_key = access_key(None);
        let good = presigned(&key, version, AddressingStyle::Path, &access_key);
        let mut changed = good.clone();
        let mut texts = signed_texts(&mut changed);
        let text = at.get_mut(texts.as_mut_slice());
        let chars: Vec<char> = text.chars().collect();
        let place = within.index(chars.len());
        **text = chars.iter().enumerate().map(|(index, old)| if index == place { by.clone() } else { old.to_string() }).collect();
        // Base64 has spare bits in its last character, but a decoder that is strict about them leaves no second spelling.
        prop_assume!(changed != good);
        prop_assert!(check(&changed, &access_key).is_err());
    }

    #[test]
    fn a_policy_reads_back_as_it_was_written(seconds in 0..4_000_000_000_i64, conditions in vec(condition(), 1..6)) {
        let policy = PostPolicy { expiration: DateTime::from_timestamp(seconds, 0).unwrap(), conditions };
        prop_assert_eq!(PostPolicy::parse(policy.to_json().as_bytes()), Ok(policy));
    }

    #[test]
    fn no_bytes_make_the_policy_parser_panic(bytes in vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:$\\\\a-z0-9]{0,48}") {
        let _ = PostPolicy::parse(&bytes);
        let _ = PostPolicy::parse(text.as_bytes());
    }

    #[test]
    fn a_form_with_the_pinned_value_satisfies_its_condition_and_with_another_does_not(value in "\\PC{1,12}", other in "\\PC{1,12}") {
        prop_assume!(value != other);
        let conditions = vec![Condition::Eq("x:v".to_owned(), value.clone())];
        let policy = PostPolicy { expiration: DateTime::from_timestamp(NOW + 1, 0).unwrap(), conditions };
        let form = |value: String| PostFormFacts { fields: vec![("x:v".to_owned(), value)], ..PostFormFacts::default() };
        prop_assert_eq!(policy.evaluate(&form(value), now()), Ok(()));
        prop_assert!(policy.evaluate(&form(other), now()).is_err());
    }

    #[test]
    fn an_endpoint_reads_back_as_it_was_written(
        scheme in "https?", host in "[a-z]{1,8}(\\.[a-z]{2,5}){0,3}|10\\.0\\.[0-9]\\.[0-9]", port in proptest::option::of(1..65535_u16), style in style(),
    ) {
        let text = port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"));
        let endpoint = Endpoint::parse(&text, style).unwrap();
        prop_assert_eq!(Endpoint::parse(&endpoint.to_string(), endpoint.style()), Ok(endpoint));
    }

    #[test]
    fn an_error_document_reads_back_as_it_was_written(
        code in "[A-Za-z]{1,12}", message in xml_text(), request_id in xml_text(), ec in proptest::option::of(xml_text()),
        details in vec(("Detail[A-Za-z]{1,8}", xml_text()), 0..3),
    ) {
        let document = ErrorDocument { code, message, request_id, host_id: "h".to_owned(), ec, details, access_denied: vec![] };
        prop_assert_eq!(ErrorDocument::parse(&document.to_xml()), Some(document));
    }

    #[test]
    fn no_text_makes_the_xml_reader_panic(text in "[<>/&;#x!a\\[\\]CDAT?\" -]{0,64}") {
        let _ = ErrorDocument::parse(&text);
        let _ = ErrorDocument::parse(&format!("<Error>{text}</Error>"));
    }
}
