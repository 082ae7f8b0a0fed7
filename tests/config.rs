//! Configuration: layers, and faults that name file and key. Its own binary: it looks at the shipped files.

use std::path::Path;

use oss_valet::settings::{ConfigSource, DEFAULT_TOML, Environment, Fault, Settings, check};

const SEAL_SECRET: &str = "a-seal-secret-of-thirty-two-bytes!";
const HMAC_SECRET: &str = "an-hmac-secret-of-thirty-two-byte!";

type Variables = &'static [(&'static str, &'static str)];

/// The least that loads, over the defaults.
const MINIMAL: &str = r#"
[auth]
algorithms = ["HS256"]
[[auth.issuers]]
issuer = "dev"
audience = "uploads"
hmac_secret = "an-hmac-secret-of-thirty-two-byte!"
[buckets.media]
bucket = "app-media"
region = "cn-hangzhou"
public_host = "media.example.com"
credentials = "main"
[credentials.main]
kind = "static"
access_key_id = "LTAItest"
access_key_secret = "an-access-key-secret"
[profiles.avatar]
bucket = "media"
key = "avatars/{user_id}/{id}.{ext}"
max_size = "5 MiB"
[callback]
public_urls = ["https://uploads.example.com/v1/callbacks/oss"]
[[callback.seal_secrets]]
kid = "k1"
secret = "a-seal-secret-of-thirty-two-bytes!"
[store]
url = "sqlite:///var/lib/oss-valet/ledger.db"
"#;

/// Some RSA key of 512 bits, as OSS and its simulator have.
const PUBLIC_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKRnOGz0Cdtvo4/wbAVWuKNdVpgFraS9\n\
4AZmrQq3KIp3rCzzJtDmKWPtKJ/wbVc0zr+uhUsI7VdVYp3BBqphXR8CAwEAAQ==\n\
-----END PUBLIC KEY-----\n\
";

fn load(env: &str, toml: &str, variables: &[(&str, &str)]) -> Result<Settings, Vec<Fault>> {
    let source = ConfigSource {
        dir: None,
        env: env.to_owned(),
        environment: Environment::from_pairs(variables.iter().copied()),
        built_in: Some(("test.toml".to_owned(), toml.to_owned())),
    };
    Settings::load(&source).map_err(|errors| errors.0)
}

/// The minimal configuration with one text replaced, which must be there.
fn minimal_with(old: &str, new: &str) -> String {
    assert!(MINIMAL.contains(old), "{old}");
    MINIMAL.replace(old, new)
}

/// The minimal configuration with a role for `sts` grants.
fn with_role() -> String {
    let role = "\
sts_credentials = \"uploads\"
[credentials.uploads]
kind = \"assume_role\"
source = \"main\"
role_arn = \"acs:ram::123456789012:role/uploads\"
[credentials.main]";
    minimal_with("[credentials.main]", role)
}

fn shown(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

fn shipped() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config"))
}

#[test]
fn the_minimal_configuration_loads_without_faults_or_warnings() {
    let settings = load("production", MINIMAL, &[]).unwrap();
    let found = check(&settings, &Environment::default());
    assert_eq!((found.faults, found.warnings), (vec![], vec![]));
    assert_eq!(settings.buckets["media"].endpoint_url, "https://oss-cn-hangzhou.aliyuncs.com");
    assert_eq!(settings.profile("avatar").unwrap().max_size, 5 << 20);
}

#[test]
fn the_shipped_production_file_lacks_nothing_but_its_secret() {
    let source = |variables: &[(&str, &str)]| {
        ConfigSource::new(shipped(), "production", Environment::from_pairs(variables.iter().copied()))
    };
    let errors = Settings::load(&source(&[])).unwrap_err();
    let [fault] = errors.0.as_slice() else { panic!("{errors}") };
    assert!(fault.place.ends_with("config/production.toml"), "{fault}");
    assert_eq!(fault.key, "callback.seal_secrets[0].secret");

    let given = [("OSS_VALET__CALLBACK__SEAL_SECRETS__0__SECRET", SEAL_SECRET)];
    let settings = Settings::load(&source(&given)).unwrap();
    let found = check(&settings, &Environment::default());
    assert_eq!((found.faults, found.warnings), (vec![], vec![]));
}

#[test]
fn the_shipped_development_file_lies_over_what_dev_knows_by_itself() {
    let source = ConfigSource {
        dir: Some(shipped().to_owned()),
        env: "development".to_owned(),
        environment: Environment::default(),
        built_in: Some((
            "dev".to_owned(),
            with_role().replace("public_host = \"media.example.com\"", "endpoint = \"http://127.0.0.1:9000\""),
        )),
    };
    let settings = Settings::load(&source).unwrap();
    let names: Vec<_> = settings.profiles.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["avatar", "document", "video"]);
    assert!(settings.demo.enabled && settings.is_development());
    assert!(check(&settings, &Environment::default()).faults.is_empty());
}

#[test]
fn the_reference_shows_every_section_and_holds_no_secret() {
    for section in [
        "[server]",
        "[auth]",
        "[[auth.issuers]]",
        "[buckets.",
        "[credentials.",
        "[profiles.",
        "[callback]",
        "[store]",
        "[limits]",
        "[[sinks]]",
        "[hooks.",
        "[reconciler]",
        "[retention]",
        "[telemetry]",
        "[demo]",
    ] {
        assert!(DEFAULT_TOML.contains(section), "{section}");
    }
    let errors = Settings::from_toml_str("production", "empty.toml", "").unwrap_err();
    for key in ["auth.issuers", "callback.public_urls", "callback.seal_secrets", "store.url"] {
        assert!(errors.0.iter().any(|fault| fault.key == key), "{key} has no default: {errors}");
    }
}

#[test]
fn the_commented_examples_of_the_reference_load_when_uncommented() {
    let mut toml = String::new();
    for line in DEFAULT_TOML.lines() {
        let example = line.strip_prefix("# ").filter(|rest| rest.starts_with('[') || rest.contains(" = "));
        toml.push_str(example.filter(|rest| !rest.starts_with("# ") && !rest.starts_with("  ")).unwrap_or(line));
        toml.push('\n');
    }
    // Of alternatives one, and no files of other machines.
    for (line, instead) in [
        ("jwks_file = \"jwks.json\"", ""),
        ("public_key_file = \"jwt.pem\"", ""),
        ("hmac_secret_file = \"/run/secrets/jwt\"", ""),
        ("secrets_file = \"/run/secrets/webhook\"", "secrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]"),
        ("secrets_file = \"/run/secrets/hook\"", "secrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]"),
        ("secret_file = \"/run/secrets/seal\"", "secret = \"a-seal-secret-of-thirty-two-bytes!\""),
        ("[[callback.trusted_keys]]", ""),
        ("url = \"http://gosspublic.alicdn.com/callback_pub_key_v1.pem\"", ""),
        ("pem_file = \"callback_pub_key_v1.pem\"", ""),
        ("access_key_secret_file = \"/run/secrets/oss-secret\"", "access_key_secret = \"sesame\""),
        ("otlp_headers_file = \"/run/secrets/otlp\"", "otlp_headers = \"authorization: sesame\""),
        ("security_token_file = \"/run/secrets/oss-token\"", "security_token = \"ticket\""),
    ] {
        assert!(toml.contains(line), "{line}");
        toml = toml.replace(line, instead);
    }
    let settings = load("production", &toml, &[]).map_err(|faults| shown(&faults)).unwrap();
    assert_eq!((settings.sinks.len(), settings.hooks.len(), settings.profiles.len()), (1, 1, 1));
    assert_eq!(settings.credentials.len(), 7, "one of each kind");
}

#[test]
fn faults_name_the_file_or_variable_and_the_key() {
    let cases: [(&str, String, Variables, &str); 17] = [
        (
            "a misspelt key",
            minimal_with("max_size", "max_sise"),
            &[],
            "test.toml: profiles.avatar.max_sise: unknown key",
        ),
        ("a misspelt section", minimal_with("[store]", "[sotre]"), &[], "test.toml: sotre: unknown key"),
        (
            "a wrong type",
            minimal_with("\"5 MiB\"", "true"),
            &[],
            "test.toml: profiles.avatar.max_size: expected a size",
        ),
        (
            "a wrong size",
            minimal_with("5 MiB", "5 miles"),
            &[],
            "test.toml: profiles.avatar.max_size: `5 miles` is no size",
        ),
        (
            "a name that leads nowhere",
            minimal_with("bucket = \"media\"", "bucket = \"medium\""),
            &[],
            "test.toml: profiles.avatar.bucket: there is no [buckets.medium]",
        ),
        (
            "an undeclared variable",
            minimal_with("avatars/", "{var:album}/"),
            &[],
            "test.toml: profiles.avatar.key: `{var:album}` is not declared in vars",
        ),
        (
            "a directory that is not one grant's",
            minimal_with("[profiles.avatar]\n", "[profiles.avatar]\ndirectory = \"avatars/{user_id}/\"\n"),
            &[],
            "test.toml: profiles.avatar.directory: a directory grant needs a directory of its own: `{id}`",
        ),
        (
            "a directory by a variable",
            minimal_with(
                "[profiles.avatar]\n",
                "[profiles.avatar]\nvars = [\"album\"]\ndirectory = \"{var:album}/{id}/\"\n",
            ),
            &[],
            "test.toml: profiles.avatar.directory: `{var:album}` can't stand here",
        ),
        ("a key that is not unique", minimal_with("{id}", "me"), &[], "test.toml: profiles.avatar.key: without `{id}`"),
        (
            "a short seal secret",
            minimal_with(SEAL_SECRET, "short"),
            &[],
            "test.toml: callback.seal_secrets[0].secret: ",
        ),
        (
            "a kind that there is not",
            minimal_with("\"static\"", "\"oauth\""),
            &[],
            "test.toml: credentials.main.kind: `oauth` is none of `env`, `static`, ",
        ),
        (
            "a variable's value",
            MINIMAL.to_owned(),
            &[("OSS_VALET__AUTH__LEEWAY", "soon")],
            "environment OSS_VALET__AUTH__LEEWAY: auth.leeway: `soon` is no duration",
        ),
        (
            "a variable's name",
            MINIMAL.to_owned(),
            &[("OSS_VALET__AUTH__LEEWAI", "1s")],
            "environment OSS_VALET__AUTH__LEEWAI: auth.leewai: unknown key",
        ),
        (
            "a rate without a burst",
            MINIMAL.to_owned(),
            &[("OSS_VALET__LIMITS__BURST", "0")],
            "environment OSS_VALET__LIMITS__BURST: limits.burst: with requests_per_minute it is at least 1",
        ),
        (
            "no connection at all",
            MINIMAL.to_owned(),
            &[("OSS_VALET__SERVER__MAX_CONNECTIONS", "0")],
            "environment OSS_VALET__SERVER__MAX_CONNECTIONS: server.max_connections: at least 1",
        ),
        (
            "a time-out of nothing",
            MINIMAL.to_owned(),
            &[("OSS_VALET__SERVER__REQUEST_TIMEOUT", "0s")],
            "environment OSS_VALET__SERVER__REQUEST_TIMEOUT: server.request_timeout: must be longer than nothing",
        ),
        ("text that is no TOML", "[server".to_owned(), &[], "test.toml: "),
    ];
    for (description, toml, variables, expected) in cases {
        let faults = shown(&load("production", &toml, variables).expect_err(description));
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{description}: {faults:#?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let toml = MINIMAL.replace("5 MiB", "5 miles").replace("\"cn-hangzhou\"", "\"oss-cn-hangzhou\"").replace("k1", "");
    let faults = shown(&load("production", &toml, &[("OSS_VALET__SERVER__LISTEN", "here")]).unwrap_err());
    for key in ["profiles.avatar.max_size", "buckets.media.region", "callback.seal_secrets[0]", "server.listen"] {
        assert!(faults.iter().any(|fault| fault.contains(key)), "{key}: {faults:#?}");
    }
}

#[test]
fn variables_override_files() {
    let variables = [
        ("OSS_VALET__SERVER__LISTEN", "127.0.0.1:1234"),
        ("OSS_VALET__SERVER__WORKERS", "3"),
        ("OSS_VALET__SERVER__CORS_ORIGINS", "https://a.example, https://b.example"),
        ("OSS_VALET__DEMO__ENABLED", "true"),
        ("OSS_VALET__PROFILES__AVATAR__MAX_SIZE", "1024"),
        ("OSS_VALET__AUTH__ISSUERS__0__AUDIENCE", "one,two"),
        ("OSS_VALET_ENV", "is not a key"),
        ("UNRELATED", "x"),
    ];
    let settings = load("production", MINIMAL, &variables).map_err(|faults| shown(&faults)).unwrap();
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:1234");
    assert_eq!(settings.server.workers, Some(3));
    assert_eq!(settings.server.cors_origins, ["https://a.example", "https://b.example"]);
    assert!(settings.demo.enabled);
    assert_eq!(settings.profile("avatar").unwrap().max_size, 1024);
    assert_eq!(settings.auth.issuers[0].audience, ["one", "two"]);
    assert_eq!(settings.auth.issuers[0].issuer, "dev", "the rest of the list stays");
}

#[test]
fn a_secret_comes_inline_or_from_a_file_but_not_from_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seal");
    std::fs::write(&file, format!("{SEAL_SECRET}\n")).unwrap();
    let variable = "OSS_VALET__CALLBACK__SEAL_SECRETS__0__SECRET_FILE";
    let given = [(variable, file.to_str().unwrap())];

    let without = minimal_with(&format!("secret = \"{SEAL_SECRET}\""), "");
    assert!(load("production", &without, &given).is_ok());
    let both = shown(&load("production", MINIMAL, &given).unwrap_err());
    assert!(both[0].contains("seal_secrets[0].secret: give either"), "{both:#?}");
    let lost = shown(&load("production", &without, &[(variable, "/nowhere/seal")]).unwrap_err());
    assert!(
        lost[0].starts_with(&format!("environment {variable}: ")) && lost[0].contains("/nowhere/seal"),
        "{lost:#?}"
    );
}

#[test]
fn a_missing_file_of_the_environment_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let errors = Settings::load(&ConfigSource::new(folder.path(), "stagin", Environment::default())).unwrap_err();
    assert!(errors.to_string().contains("stagin.toml"), "{errors}");
}

#[test]
fn debug_and_faults_show_no_secret() {
    let toml = format!(
        "{MINIMAL}\n[[sinks]]\nurl = \"https://b.example/\"\nsecrets = [\"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"]\n"
    )
    .replace("sqlite:///var/lib/oss-valet/ledger.db", "postgres://valet:database-password@db/valet");
    let mut texts = vec![format!("{:?}", load("production", &toml, &[]).unwrap())];
    // The same secrets, each where it is refused.
    let wrong = toml.replace("HS256", "ES256").replace("whsec_", "whsec").replace("kid = \"k1\"", "kid = \"no kid\"");
    let faults = load("production", &wrong, &[]).unwrap_err();
    assert!(faults.len() >= 3, "{faults:#?}");
    texts.extend(shown(&faults));
    for secret in [SEAL_SECRET, HMAC_SECRET, "an-access-key-secret", "MDEyMzQ1Njc4OTAx", "database-password"] {
        assert!(toml.contains(secret), "{secret}");
        assert!(texts.iter().all(|text| !text.contains(secret)), "{secret} in {texts:#?}");
    }
}

#[test]
fn check_finds_what_loading_can_not_refuse() {
    let long = "v".repeat(200);
    let vars: Vec<_> = (0..10).map(|n| format!("\"{long}{n}\"")).collect();
    let simulator_key = "[[callback.trusted_keys]]\nurl = \"http://127.0.0.1:9000/key.pem\"\npem = '''\n".to_owned()
        + PUBLIC_KEY
        + "'''\n[[callback.seal_secrets]]";
    let public = "https://uploads.example.com/v1/callbacks/oss";
    let with = |line: &str| minimal_with("max_size = \"5 MiB\"", &format!("max_size = 1\n{line}"));
    let cases = [
        ("a private callback URL", minimal_with(public, "https://10.0.0.1/cb"), "callback.public_urls", true),
        (
            "a callback in the clear",
            minimal_with(public, "http://uploads.example.com/cb"),
            "callback.public_urls",
            false,
        ),
        ("a life too long", with("expires_in = \"8d\""), "profiles.avatar.expires_in", true),
        ("a callback too long", with(&format!("vars = [{}]", vars.join(","))), "profiles.avatar.callback", true),
        ("a region without callbacks", minimal_with("cn-hangzhou", "ap-northeast-2"), "buckets.media.region", true),
        ("a simulator's key", minimal_with("[[callback.seal_secrets]]", &simulator_key), "callback.trusted_keys", true),
        ("sts without a role", with("methods = [\"sts\"]"), "profiles.avatar.methods", true),
        (
            "sts for longer than its role is known to last",
            with_role().replace("max_size = \"5 MiB\"", "max_size = 1\nmethods = [\"sts\"]\nexpires_in = \"61m\""),
            "profiles.avatar.expires_in",
            false,
        ),
        (
            "everybody trusted",
            minimal_with("[callback]", "[server]\ntrusted_proxies = [\"0.0.0.0/0\"]\n[callback]"),
            "server.trusted_proxies",
            true,
        ),
        (
            "a proxy that nobody trusts",
            minimal_with(
                "[callback]",
                "[server]\npublic_url = \"https://uploads.example.com\"\ntrusted_proxies = []\n[callback]",
            ),
            "server.trusted_proxies",
            false,
        ),
        (
            "a quota that is never reached",
            minimal_with("[callback]", "[limits]\nopen_grants = 5\nopen_multiparts = 6\n[callback]"),
            "limits.open_multiparts",
            false,
        ),
        ("confirmation off", with("confirm = \"off\""), "profiles.avatar.confirm", false),
        ("no audience", minimal_with("audience = \"uploads\"", ""), "auth.issuers[0].audience", false),
        (
            "a bucket in the clear",
            minimal_with("\"media.example.com\"", "\"http://media.example.com\""),
            "buckets.media.public_host",
            true,
        ),
    ];
    for (description, toml, key, is_fault) in cases {
        let settings = load("production", &toml, &[]).map_err(|faults| shown(&faults)).expect(description);
        let found = check(&settings, &Environment::default());
        let (expected, other) =
            if is_fault { (&found.faults, &found.warnings) } else { (&found.warnings, &found.faults) };
        assert!(
            expected.iter().any(|fault| fault.key == key && fault.place == "test.toml"),
            "{description}: {found:#?}"
        );
        assert!(other.is_empty(), "{description}: {found:#?}");
    }
}

#[test]
fn development_may_call_back_to_this_machine() {
    let toml = minimal_with("https://uploads.example.com/v1/callbacks/oss", "http://127.0.0.1:8080/cb");
    let found = check(&load("development", &toml, &[]).unwrap(), &Environment::default());
    assert!(found.faults.is_empty() && found.warnings.len() == 1, "{found:#?}");
}

#[test]
fn temporary_credentials_shorten_the_longest_life() {
    let toml = minimal_with("max_size = \"5 MiB\"", "max_size = 1\nexpires_in = \"13h\"");
    let faults = |toml: &str, environment: &Environment| {
        check(&load("production", toml, &[]).unwrap(), environment).faults.len()
    };
    assert_eq!(faults(&toml, &Environment::default()), 0);
    let longer = toml.replace("13h", "8d");
    assert_eq!(faults(&longer, &Environment::default()), 1);
    let v1 = longer.replace("credentials = \"main\"", "credentials = \"main\"\nsignature_version = \"v1\"");
    assert_eq!(faults(&v1, &Environment::default()), 0, "V1 has no limit of its own");
    let token = toml.replace("[profiles.avatar]", "security_token = \"t\"\n[profiles.avatar]");
    assert_eq!(faults(&token, &Environment::default()), 1);
    let env = toml
        .replace("kind = \"static\"", "kind = \"env\"")
        .replace("access_key_id = \"LTAItest\"", "")
        .replace("access_key_secret = \"an-access-key-secret\"", "");
    assert_eq!(faults(&env, &Environment::from_pairs([("ALIBABA_CLOUD_SECURITY_TOKEN", "t")])), 1);
}

#[test]
fn grants_by_sts_need_a_role_that_is_there_and_keys_of_their_own() {
    let sts = |toml: String| toml.replace("max_size = \"5 MiB\"", "max_size = 1\nmethods = [\"sts\"]");
    let settings = load("production", &sts(with_role()), &[]).unwrap();
    let found = check(&settings, &Environment::default());
    assert_eq!((found.faults, found.warnings), (vec![], vec![]));
    assert_eq!(
        (&*settings.buckets["media"].credentials, &*settings.buckets["media"].sts_credentials),
        ("main", "uploads")
    );

    let lost = with_role().replace("sts_credentials = \"uploads\"", "sts_credentials = \"nobody\"");
    let told = shown(&load("production", &sts(lost), &[]).unwrap_err());
    assert_eq!(told, ["test.toml: buckets.media.sts_credentials: there is no [credentials.nobody]"]);

    let shared = sts(with_role())
        .replace("{user_id}/{id}.{ext}", "{user_id}/current")
        .replace("max_size = 1", "max_size = 1\noverwrite = true");
    let told = shown(&load("production", &shared, &[]).unwrap_err());
    assert!(told.len() == 1 && told[0].starts_with("test.toml: profiles.avatar.key: "), "{told:#?}");
}
