//! The form fields of a PostObject request, in order (P§3.2, P§3.3).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    post_policy::PostPolicy,
    presign::SigningContext,
    request::SignatureVersion,
    sign_v1,
    sign_v4::{ALGORITHM, format_date},
};

/// The form field of an STS token, in both versions.
const SECURITY_TOKEN: &str = "x-oss-security-token";

/// The signature fields for `policy`: `policy` and, by version, `OSSAccessKeyId`/`Signature` or the `x-oss-*` four; the security token where there is one.
///
/// For V4 the caller has put the conditions on version, credential, date (and token) into the policy; see [`signature_conditions`].
pub fn signature_fields(policy: &PostPolicy, context: &SigningContext<'_>) -> Vec<(String, String)> {
    signature_fields_for_text(&policy.to_json(), context)
}

/// [`signature_fields`] for a policy's text, signed byte for byte.
pub fn signature_fields_for_text(policy: &str, context: &SigningContext<'_>) -> Vec<(String, String)> {
    let policy = BASE64.encode(policy);
    match context.version {
        SignatureVersion::V1 => {
            let signature = sign_v1::sign_policy(&policy, context.key);
            let mut fields = vec![own("OSSAccessKeyId", context.key.id())];
            fields.extend(token_field(context));
            fields.push(("policy".to_owned(), policy));
            fields.push(("Signature".to_owned(), signature));
            fields
        }
        SignatureVersion::V4 => {
            let signature = context.with_signing_key(|key| key.sign_policy(&policy));
            let mut fields = signature_conditions(context);
            fields.push(("policy".to_owned(), policy));
            fields.push(("x-oss-signature".to_owned(), signature));
            fields
        }
    }
}

/// The fields that V4 demands in the policy (version, credential, date, and token with STS), also for V1 the token with STS.
pub fn signature_conditions(context: &SigningContext<'_>) -> Vec<(String, String)> {
    let mut conditions = match context.version {
        SignatureVersion::V1 => vec![],
        SignatureVersion::V4 => vec![
            own("x-oss-signature-version", ALGORITHM),
            ("x-oss-credential".to_owned(), context.scope().credential(context.key.id())),
            ("x-oss-date".to_owned(), format_date(context.now)),
        ],
    };
    conditions.extend(token_field(context));
    conditions
}

fn token_field(context: &SigningContext<'_>) -> Option<(String, String)> {
    context.key.expose_security_token().map(|token| own(SECURITY_TOKEN, token))
}

fn own(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::oss::{
        access_key::AccessKey,
        endpoint::{AddressingStyle, Endpoint},
        post_policy::Condition,
    };

    /// The policy and pair of P§4.5.
    fn fields(version: SignatureVersion, key: &AccessKey) -> Vec<(String, String)> {
        let endpoint = Endpoint::parse("https://oss-cn-hangzhou.aliyuncs.com", AddressingStyle::Virtual).unwrap();
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let context =
            SigningContext { version, endpoint: &endpoint, region: "cn-hangzhou", key, signing_key: None, now };
        let text = include_str!("../../tests/vectors/published-post-policy.json").trim_end();
        let fields = signature_fields_for_text(text, &context);
        let parsed = PostPolicy::parse(text.as_bytes()).unwrap();
        assert_eq!(fields, signature_fields(&parsed, &context), "the published text is what the builder writes");
        assert!(parsed.conditions.contains(&Condition::ContentLengthRange(1, 1_048_576)));
        fields
    }

    fn key() -> AccessKey {
        AccessKey::new("LTAI5tExampleAccessKeyId", "ExampleAccessKeySecret0123456789")
    }

    fn names(fields: &[(String, String)]) -> Vec<&str> {
        fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn v4_fields_come_out_as_published() {
        let fields = fields(SignatureVersion::V4, &key());
        assert_eq!(
            names(&fields),
            ["x-oss-signature-version", "x-oss-credential", "x-oss-date", "policy", "x-oss-signature"],
        );
        assert_eq!(fields[1].1, "LTAI5tExampleAccessKeyId/20231114/cn-hangzhou/oss/aliyun_v4_request");
        assert_eq!(fields[4].1, "290bde3fd376b469de53f2e5d5851fbeb7cbfa90abfa2bf294ed2414a5b64134");
    }

    #[test]
    fn v1_fields_come_out_as_published() {
        let fields = fields(SignatureVersion::V1, &key());
        assert_eq!(names(&fields), ["OSSAccessKeyId", "policy", "Signature"]);
        assert_eq!(fields[2].1, "QgKUpcc2XT9IiWSDEksdYOXp08s=");
    }

    #[test]
    fn a_security_token_travels_in_both_versions() {
        let key = key().with_security_token("tok");
        for version in [SignatureVersion::V1, SignatureVersion::V4] {
            let token = ("x-oss-security-token".to_owned(), "tok".to_owned());
            assert!(fields(version, &key).contains(&token), "{version:?}");
        }
    }
}
