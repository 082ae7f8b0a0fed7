//! `AssumeRoleWithOIDC`: a token in place of a signature.

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oss_valet::{
    oss::{presign, request::SignatureVersion},
    simulator::{BindError, OidcProviderSpec, Permissions, RoleSpec, Simulator, SimulatorSettings},
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm};
use serde_json::{Value, json};

use crate::{
    harness::{BUCKET, World, ok, own, start_of_time},
    sts_calls::{Case, ROLE, answer, key_of, summary, unsigned, with_role},
};

const ISSUER: &str = "https://id.example.com";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/idp";

/// A provider's key pair.
struct Idp {
    pair: KeyPair,
    algorithm: Algorithm,
}

impl Idp {
    fn new(kind: &'static SignatureAlgorithm, algorithm: Algorithm) -> Self {
        Self { pair: KeyPair::generate_for(kind).expect("a key"), algorithm }
    }

    fn p256() -> Self {
        Self::new(&PKCS_ECDSA_P256_SHA256, Algorithm::ES256)
    }

    fn spec(&self) -> OidcProviderSpec {
        OidcProviderSpec {
            name: "idp".to_owned(),
            issuer: ISSUER.to_owned(),
            audiences: vec!["sts.aliyuncs.com".to_owned(), "other".to_owned()],
            public_key_pem: self.pair.public_key_pem(),
        }
    }

    fn token(&self, claims: &Value) -> String {
        let pem = self.pair.serialize_pem();
        let key = match self.algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
            _ => EncodingKey::from_ec_pem(pem.as_bytes()),
        };
        jsonwebtoken::encode(&Header::new(self.algorithm), claims, &key.expect("a key")).expect("a token")
    }
}

/// Good for ten minutes.
fn claims() -> Value {
    let now = start_of_time().timestamp();
    json!({ "iss": ISSUER, "aud": "sts.aliyuncs.com", "sub": "system:serviceaccount:prod:uploader", "iat": now, "exp": now + 600 })
}

fn with(changes: &Value) -> Value {
    let mut all = claims();
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(all.as_object_mut().expect("an object").remove(name)),
            value => all[name] = value.clone(),
        }
    }
    all
}

async fn world_of(idp: &Idp) -> World {
    World::with(|settings| {
        with_role(settings);
        settings.oidc_providers.push(idp.spec());
        settings.oidc_providers.push(OidcProviderSpec { name: "untrusted".to_owned(), ..idp.spec() });
        settings.roles[0].trust.oidc_providers = vec!["idp".to_owned()];
        settings.roles[0].trust.oidc_subject = Some("system:serviceaccount:prod:*".to_owned());
        settings.roles.push(RoleSpec::new("keys-only", Permissions::all()));
    })
    .await
}

/// The call with this token; of the other parameters, `change` replaces some, and an empty value removes one.
async fn assume(world: &World, token: &str, change: &[(&str, &str)]) -> (reqwest::StatusCode, Value) {
    let mut parameters = own(&[
        ("Action", "AssumeRoleWithOIDC"),
        ("Version", "2015-04-01"),
        ("Format", "JSON"),
        ("OIDCProviderArn", PROVIDER),
        ("RoleArn", ROLE),
        ("RoleSessionName", "pod"),
        ("OIDCToken", token),
    ]);
    for (name, value) in change {
        parameters.retain(|(known, _)| known != name);
        parameters.extend((!value.is_empty()).then(|| ((*name).to_owned(), (*value).to_owned())));
    }
    answer(unsigned(world, &parameters)).await
}

#[tokio::test]
async fn a_good_token_of_each_kind_of_key_gets_a_session() {
    let kinds =
        [Idp::p256(), Idp::new(&PKCS_ECDSA_P384_SHA384, Algorithm::ES384), Idp::new(&PKCS_ED25519, Algorithm::EdDSA)];
    for idp in kinds {
        let world = world_of(&idp).await;
        let given = assume(&world, &idp.token(&claims()), &[("DurationSeconds", "900")]).await;
        let put = presign::put_object(BUCKET, "a", vec![]);
        ok(world.signed_by(&key_of(&given), SignatureVersion::V4, put).body("x")).await;
        let info = &given.1["OIDCTokenInfo"];
        assert_eq!((&info["Issuer"], &info["ClientIds"]), (&json!(ISSUER), &json!("sts.aliyuncs.com")));
        assert_eq!(info["Subject"], "system:serviceaccount:prod:uploader");
        assert_eq!(info["ExpirationTime"], "2026-01-01T00:10:00Z");
        assert_eq!(given.1["Credentials"]["Expiration"], "2026-01-01T00:15:00Z", "{:?}", idp.algorithm);
        let listed = with(&json!({ "aud": ["elsewhere", "other"] }));
        assert_eq!(assume(&world, &idp.token(&listed), &[]).await.0, 200, "one audience of several is enough");
    }
}

#[tokio::test]
async fn a_token_is_refused_by_cause() {
    let (idp, stranger) = (Idp::p256(), Idp::p256());
    let world = world_of(&idp).await;
    let now = start_of_time().timestamp();
    let good = idp.token(&claims());
    let (head, tail) = good.rsplit_once('.').expect("three parts");
    let swapped = format!("{head}.{}", idp.token(&with(&json!({ "sub": "x" }))).rsplit_once('.').expect("three").1);
    let hmac = {
        let key = EncodingKey::from_secret(idp.pair.public_key_pem().as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &key).expect("a token")
    };
    let none = format!("eyJhbGciOiJub25lIn0.{}.", head.split_once('.').expect("two").1);
    let prefix = "401 AuthenticationFail.OIDCToken.";
    let cases = [
        ("expired this second", idp.token(&with(&json!({ "exp": now }))), "Expired"),
        ("not valid yet", idp.token(&with(&json!({ "nbf": now + 1 }))), "Invalid"),
        ("another audience", idp.token(&with(&json!({ "aud": "app" }))), "AudienceNotMatch"),
        ("another issuer", idp.token(&with(&json!({ "iss": "https://id.example.com/" }))), "IssuerNotMatch"),
        ("another key", stranger.token(&claims()), "InvalidSignature"),
        ("another token's signature", swapped, "InvalidSignature"),
        ("the public key as an HMAC secret", hmac, "Invalid"),
        ("no algorithm", none, "Invalid"),
        ("no expiry", idp.token(&with(&json!({ "exp": null }))), "Invalid"),
        ("no audience", idp.token(&with(&json!({ "aud": null }))), "Invalid"),
        ("two parts", head.to_owned(), "Invalid"),
        ("four parts", format!("{good}.{tail}"), "Invalid"),
        ("too short", "abc".to_owned(), "Invalid"),
        ("too long", "a".repeat(20_001), "Invalid"),
        ("none", String::new(), "Invalid"),
    ];
    for (description, token, expected) in cases {
        let told = assume(&world, &token, &[("OIDCToken", &token)]).await;
        assert_eq!(summary(&told), format!("{prefix}{expected}"), "{description}: {}", told.1);
    }
    assert_eq!(world.sts.sessions(), []);
    world.clock.advance(TimeDelta::seconds(600));
    assert_eq!(summary(&assume(&world, &good, &[]).await), format!("{prefix}Expired"));
}

#[tokio::test]
async fn the_call_is_refused_by_cause() {
    let idp = Idp::p256();
    let world = world_of(&idp).await;
    let token = idp.token(&claims());
    let narrow = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:PutObject","Resource":"*"}]}"#;
    let cases: [Case<'_>; 13] = [
        ("with a policy", &[("Policy", narrow)], "200"),
        ("no provider", &[("OIDCProviderArn", "")], "400 MissingParameter.OIDCProviderArn"),
        ("no role", &[("RoleArn", "")], "400 MissingParameter.RoleArn"),
        ("no session name", &[("RoleSessionName", "")], "400 MissingParameter.RoleSessionName"),
        ("a bad session name", &[("RoleSessionName", "a b")], "400 InvalidParameter.RoleSessionName"),
        ("a bad provider ARN", &[("OIDCProviderArn", "idp")], "400 InvalidParameter.OIDCProviderArn"),
        (
            "an unknown provider",
            &[("OIDCProviderArn", "acs:ram::1234567890123456:oidc-provider/x")],
            "401 AuthenticationFail.NoPermission",
        ),
        (
            "another account's provider",
            &[("OIDCProviderArn", "acs:ram::1:oidc-provider/idp")],
            "401 AuthenticationFail.NoPermission",
        ),
        (
            "a provider that the role does not trust",
            &[("OIDCProviderArn", "acs:ram::1234567890123456:oidc-provider/untrusted")],
            "401 AuthenticationFail.NoPermission",
        ),
        (
            "a role without providers",
            &[("RoleArn", "acs:ram::1234567890123456:role/keys-only")],
            "401 AuthenticationFail.NoPermission",
        ),
        ("an unknown role", &[("RoleArn", "acs:ram::1234567890123456:role/x")], "404 EntityNotExist.Role"),
        ("a long session", &[("DurationSeconds", "3601")], "400 InvalidParameter.DurationSeconds"),
        ("a malformed policy", &[("Policy", "{}")], "400 InvalidParameter.PolicyGrammar"),
    ];
    for (description, change, expected) in cases {
        let told = assume(&world, &token, change).await;
        let told = if told.0 == 200 { "200".to_owned() } else { summary(&told) };
        assert_eq!(told, expected, "{description}");
    }
    let other = idp.token(&with(&json!({ "sub": "system:serviceaccount:test:uploader" })));
    let told = assume(&world, &other, &[]).await;
    assert_eq!(
        (summary(&told).as_str(), &told.1["Message"]),
        ("401 AuthenticationFail.NoPermission", &json!("There is no permission"))
    );
}

#[tokio::test]
async fn a_provider_without_a_key_is_no_provider() {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let _installed_already = rustls::crypto::ring::default_provider().install_default();
    let mut settings =
        SimulatorSettings::new(listen, folder.path(), std::sync::Arc::new(oss_valet::clock::SystemClock));
    settings.oidc_providers.push(OidcProviderSpec { public_key_pem: "no key".to_owned(), ..Idp::p256().spec() });
    assert!(matches!(Simulator::bind(settings), Err(BindError::OidcProvider(_))));
}
