//! From `[credentials.NAME]` and the environment to providers.

use std::sync::Arc;

use chrono::TimeDelta;
use oss_valet::{
    app::ports::{Credentials, Session},
    clock::{Clock, ManualClock},
    settings::{Environment, Settings, SettingsErrors, check},
    wiring::{self, CredentialParts, Providers},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{
    harness::{clock, entropy, http, issued},
    sts::{PROVIDER, ROLE, Sts, USER, read},
};

/// Settings with these sections; the first bucket is signed by `main`.
fn settings(sections: &str) -> Settings {
    load(sections).unwrap()
}

fn load(sections: &str) -> Result<Settings, SettingsErrors> {
    let toml = format!(
        r#"
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
{sections}
[profiles.avatar]
bucket = "media"
key = "avatars/{{user_id}}/{{id}}.{{ext}}"
max_size = "5 MiB"
expires_in = "10m"
[callback]
public_urls = ["https://uploads.example.com/v1/callbacks/oss"]
[[callback.seal_secrets]]
kid = "k1"
secret = "a-seal-secret-of-thirty-two-bytes!"
[store]
url = "sqlite:///var/lib/oss-valet/ledger.db"
"#
    );
    Settings::from_toml_str("production", "test.toml", &toml)
}

fn providers(sections: &str, environment: &[(&str, &str)], clock: &Arc<ManualClock>) -> Providers {
    // Installs the TLS provider.
    http(oss_valet::credentials::Timeouts::STS);
    let environment = Environment::from_pairs(environment.iter().copied());
    let parts = CredentialParts { environment: &environment, clock: clock.clone(), entropy: entropy() };
    wiring::credentials(&settings(sections), &parts, |_| None).unwrap()
}

async fn error_of(provider: &Arc<dyn Credentials>, clock: &ManualClock) -> String {
    provider.current(clock.now()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn rrsa_needs_nothing_but_the_variables_that_kubernetes_sets() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "jwt.of.the.pod").unwrap();
    let url = sts.url();
    let environment = [
        ("ALIBABA_CLOUD_ROLE_ARN", ROLE),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token.to_str().unwrap()),
        ("ALIBABA_CLOUD_ROLE_SESSION_NAME", "pod-7"),
        ("ALIBABA_CLOUD_STS_ENDPOINT", &url),
        // The endpoint goes before these.
        ("ALIBABA_CLOUD_STS_REGION", "cn-hangzhou"),
        ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true"),
    ];
    let made = providers("[credentials.main]\nkind = \"oidc\"\n", &environment, &clock);

    let credential = made.credentials["main"].current(clock.now()).await.unwrap();

    assert_eq!(credential.expires_at, Some(clock.now() + TimeDelta::hours(1)));
    let (_, sent) = sts.only().await;
    assert_eq!((sent.form["RoleArn"].as_str(), sent.form["RoleSessionName"].as_str()), (ROLE, "pod-7"));
    let session = Session { name: "u-7".to_owned(), policy: "{}".to_owned(), duration: TimeDelta::minutes(15) };
    made.token_services["main"].issue(&session, clock.now()).await.unwrap();
}

#[tokio::test]
async fn what_the_section_says_goes_before_the_environment() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "jwt.of.the.pod").unwrap();
    let section = format!(
        "[credentials.main]\nkind = \"oidc\"\nrole_arn = \"{ROLE}\"\noidc_provider_arn = \"{PROVIDER}\"\noidc_token_file = \"{}\"\n\
         session_name = \"mine\"\nduration = \"30m\"\npolicy = \"{{}}\"\nsts_endpoint = \"{}\"\n",
        token.display(),
        sts.url(),
    );
    let environment = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/other"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/other"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/nowhere"),
        ("ALIBABA_CLOUD_ROLE_SESSION_NAME", "other"),
        ("ALIBABA_CLOUD_STS_ENDPOINT", "http://127.0.0.1:1"),
    ];
    let made = providers(&section, &environment, &clock);
    made.credentials["main"].current(clock.now()).await.unwrap();
    let (_, sent) = sts.only().await;
    let form = |name: &str| sent.form[name].clone();
    assert_eq!([form("RoleSessionName"), form("DurationSeconds"), form("Policy")], ["mine", "1800", "{}"]);
}

#[tokio::test]
async fn a_role_stands_on_the_section_it_names() {
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let sections = format!(
        "[credentials.main]\nkind = \"assume_role\"\nsource = \"user\"\nrole_arn = \"{ROLE}\"\nexternal_id = \"partner-1\"\n\
         sts_endpoint = \"{}\"\n[credentials.user]\nkind = \"env\"\n",
        sts.url()
    );
    let environment = [("ALIBABA_CLOUD_ACCESS_KEY_ID", USER[0]), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", USER[1])];
    let made = providers(&sections, &environment, &clock);
    assert_eq!(made.credentials["main"].current(clock.now()).await.unwrap().key.id(), "STS.1");
    let sent = read(&sts.received().await[0]).unwrap();
    assert_eq!((sent.form["ExternalId"].as_str(), sent.form["RoleSessionName"].as_str()), ("partner-1", "oss-valet"));
    assert!(made.token_services.contains_key("main") && !made.token_services.contains_key("user"));
}

#[tokio::test]
async fn a_uri_comes_from_the_section_or_the_variable() {
    let clock = clock();
    let server = MockServer::start().await;
    let body = issued("uri", clock.now() + TimeDelta::hours(1));
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(&server).await;
    let section = format!("[credentials.main]\nkind = \"uri\"\nurl = \"{}/a\"\n", server.uri());
    let variable = format!("{}/b", server.uri());
    for (section, environment) in [
        (section.as_str(), &[][..]),
        ("[credentials.main]\nkind = \"uri\"\n", &[("ALIBABA_CLOUD_CREDENTIALS_URI", variable.as_str())]),
    ] {
        providers(section, environment, &clock).credentials["main"].current(clock.now()).await.unwrap();
    }
    let paths: Vec<_> =
        server.received_requests().await.unwrap().iter().map(|request| request.url.path().to_owned()).collect();
    assert_eq!(paths, ["/a", "/b"]);
}

#[tokio::test]
async fn the_default_chain_goes_env_oidc_ecs_uri() {
    let clock = clock();
    let server = MockServer::start().await;
    let body = issued("uri", clock.now() + TimeDelta::hours(1));
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(&server).await;
    let url = server.uri();
    let no_ecs = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "TRUE");
    let main = "[credentials.main]\nkind = \"chain\"\n";

    let none = error_of(&providers(main, &[no_ecs], &clock).credentials["main"], &clock).await;
    let places: Vec<_> = ["env: set", "oidc: set role_arn or", "ecs_ram_role: ALIBABA", "uri: set url"]
        .map(|text| none.find(text).unwrap_or_else(|| panic!("{text}: {none}")))
        .into();
    assert!(places.is_sorted(), "{none}");

    let last = [no_ecs, ("ALIBABA_CLOUD_CREDENTIALS_URI", &url)];
    let made = providers(main, &last, &clock);
    assert_eq!(made.credentials["main"].current(clock.now()).await.unwrap().key.id(), "STS.uri");
    let first = [last[0], last[1], ("OSS_ACCESS_KEY_ID", "LTAIenv"), ("OSS_ACCESS_KEY_SECRET", "sesame")];
    let made = providers(main, &first, &clock);
    assert_eq!(made.credentials["main"].current(clock.now()).await.unwrap().key.id(), "LTAIenv");
}

#[tokio::test]
async fn a_chain_of_sections_shares_them() {
    let clock = clock();
    let sections = "[credentials.main]\nkind = \"chain\"\nproviders = [\"pod\", \"user\"]\n\
                    [credentials.pod]\nkind = \"oidc\"\n[credentials.user]\nkind = \"env\"\n";
    let environment = [("OSS_ACCESS_KEY_ID", "LTAIenv"), ("OSS_ACCESS_KEY_SECRET", "sesame")];
    let made = providers(sections, &environment, &clock);
    assert_eq!(made.credentials["main"].current(clock.now()).await.unwrap().key.id(), "LTAIenv");
    let pod = error_of(&made.credentials["pod"], &clock).await;
    for variable in ["ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"] {
        assert!(pod.contains(variable), "{pod}");
    }
}

#[tokio::test]
async fn ecs_says_when_it_is_switched_off_or_misnamed() {
    let clock = clock();
    let section = "[credentials.main]\nkind = \"ecs_ram_role\"\n";
    for (variable, value) in
        [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"), ("ALIBABA_CLOUD_ECS_METADATA", "../user-data")]
    {
        let error = error_of(&providers(section, &[(variable, value)], &clock).credentials["main"], &clock).await;
        assert!(error.contains(variable), "{error}");
    }
}

#[test]
fn check_knows_how_long_credentials_live_and_what_is_doubtful() {
    let role = format!("kind = \"assume_role\"\nsource = \"user\"\nrole_arn = \"{ROLE}\"\n");
    let user = "[credentials.user]\nkind = \"env\"\n";
    let main = |more: &str| format!("[credentials.main]\n{role}{more}{user}");
    let cases = [
        ("an hour's role for ten minutes", main(""), None),
        ("a quarter of an hour's", main("duration = \"15m\"\n"), Some("profiles.avatar.expires_in")),
        (
            "a chain as short as its shortest",
            format!(
                "[credentials.main]\nkind = \"chain\"\nproviders = [\"user\", \"role\"]\n[credentials.role]\n{role}duration = \"20m\"\n{user}"
            ),
            Some("profiles.avatar.expires_in"),
        ),
        (
            "RRSA outside a pod",
            "[credentials.main]\nkind = \"oidc\"\n".to_owned(),
            Some("credentials.main.oidc_provider_arn"),
        ),
        (
            "a URI in the clear",
            "[credentials.main]\nkind = \"uri\"\nurl = \"http://10.0.0.1/\"\n".to_owned(),
            Some("credentials.main.url"),
        ),
        ("no URI", "[credentials.main]\nkind = \"uri\"\n".to_owned(), Some("credentials.main.url")),
        (
            "an agent on this machine",
            "[credentials.main]\nkind = \"uri\"\nurl = \"http://127.0.0.1:7002/\"\n".to_owned(),
            None,
        ),
    ];
    for (description, sections, warned) in cases {
        let found = check(&settings(&sections), &Environment::default());
        assert!(found.faults.is_empty(), "{description}: {found:?}");
        assert_eq!(found.warnings.first().map(|warning| warning.key.as_str()), warned, "{description}: {found:?}");
    }
    let clear = main("sts_endpoint = \"http://sts.example.com\"\n");
    let found = check(&settings(&clear), &Environment::default());
    assert_eq!(found.faults[0].key, "credentials.main.sts_endpoint", "{found:?}");
    let variable = Environment::from_pairs([("ALIBABA_CLOUD_STS_ENDPOINT", "http://sts.example.com")]);
    for (section, faults) in
        [("", 1), ("sts_endpoint = \"sts.aliyuncs.com\"\n", 0), ("sts_region = \"cn-hangzhou\"\n", 0)]
    {
        let found = check(&settings(&format!("[credentials.main]\nkind = \"oidc\"\n{section}")), &variable);
        assert_eq!(found.faults.len(), faults, "{section}: {found:?}");
    }
}

#[test]
fn temporary_credentials_limit_lifetimes_to_twelve_hours() {
    let long = |sections: &str| {
        let mut settings = settings(sections);
        settings.profiles[0].expires_in = TimeDelta::hours(13);
        check(&settings, &Environment::default()).faults.iter().any(|fault| fault.message.contains("12 h"))
    };
    assert!(!long("[credentials.main]\nkind = \"env\"\n"));
    for sections in [
        "[credentials.main]\nkind = \"ecs_ram_role\"\n",
        "[credentials.main]\nkind = \"oidc\"\n",
        "[credentials.main]\nkind = \"uri\"\n",
        "[credentials.main]\nkind = \"chain\"\n",
        "[credentials.main]\nkind = \"chain\"\nproviders = [\"a\", \"b\"]\n[credentials.a]\nkind = \"env\"\n[credentials.b]\nkind = \"ecs_ram_role\"\n",
    ] {
        assert!(long(sections), "{sections}");
    }
}

/// What is wrong with a section, as an operator reads it.
#[test]
fn faults_of_each_kind_name_file_and_key() {
    let role = format!("kind = \"assume_role\"\nsource = \"user\"\nrole_arn = \"{ROLE}\"");
    let with = |line: &str| format!("{role}\n{line}");
    let sts = |line: &str| format!("kind = \"oidc\"\n{line}");
    let cases = [
        ("an unknown kind", "kind = \"oauth\"".to_owned(), "main.kind: `oauth` is none of `env`, "),
        ("another kind's key", "kind = \"env\"\nrole_name = \"a\"".to_owned(), "main.role_name: unknown key"),
        ("no source", format!("kind = \"assume_role\"\nrole_arn = \"{ROLE}\""), "main.source: missing"),
        ("a source that is not there", role.replace("user", "nobody"), "main.source: there is no [credentials.nobody]"),
        ("no role", "kind = \"assume_role\"\nsource = \"user\"".to_owned(), "main.role_arn: missing"),
        ("no ARN", role.replace(ROLE, "oss-valet"), "main.role_arn: `oss-valet` is no role's ARN"),
        ("a short session", with("duration = \"899s\""), "main.duration: STS gives sessions of 15m to 12h"),
        ("a long session", with("duration = \"43201s\""), "main.duration: STS gives sessions of 15m to 12h"),
        ("a session's name", with("session_name = \"a b\""), "main.session_name: `a b` is no session name"),
        ("an external id", with("external_id = \"x\""), "main.external_id: `x` is no external id"),
        ("a policy", with("policy = \"allow\""), "main.policy: a RAM policy is a JSON object"),
        (
            "a long policy",
            with(&format!("policy = '{{{}}}'", " ".repeat(2047))),
            "main.policy: a session's policy has at most",
        ),
        ("an endpoint", with("sts_endpoint = \"https://a/b\""), "main.sts_endpoint: an endpoint is a host"),
        ("a region", with("sts_region = \"CN\""), "main.sts_region: `CN` is no region"),
        ("a VPC of no region", with("vpc_endpoint = true"), "main.vpc_endpoint: needs `sts_region`"),
        ("a provider", sts("oidc_provider_arn = \"x\""), "main.oidc_provider_arn: `x` is no OIDC provider's ARN"),
        (
            "a role's name",
            "kind = \"ecs_ram_role\"\nrole_name = \"a/b\"".to_owned(),
            "main.role_name: `a/b` is no role name",
        ),
        ("a URI", "kind = \"uri\"\nurl = \"ftp://open-sesame\"".to_owned(), "main.url: no http or https URL"),
        (
            "a chain's link",
            "kind = \"chain\"\nproviders = [\"user\", \"x\"]".to_owned(),
            "main.providers: there is no [credentials.x]",
        ),
        (
            "a chain of itself",
            "kind = \"chain\"\nproviders = [\"main\"]".to_owned(),
            "main: stands on itself: main → main",
        ),
    ];
    for (description, section, expected) in cases {
        let errors = load(&format!("[credentials.main]\n{section}\n[credentials.user]\nkind = \"env\"\n"));
        let errors = errors.expect_err(description).to_string();
        let expected = format!("test.toml: credentials.{expected}");
        assert!(errors.contains(&expected), "{description}: {errors}");
        assert!(!errors.contains("open-sesame"), "{errors}");
    }
}

#[test]
fn circles_are_found_wherever_they_begin() {
    let sections = format!(
        "[credentials.main]\nkind = \"chain\"\nproviders = [\"user\", \"a\"]\n[credentials.user]\nkind = \"env\"\n\
         [credentials.a]\nkind = \"assume_role\"\nsource = \"b\"\nrole_arn = \"{ROLE}\"\n\
         [credentials.b]\nkind = \"chain\"\nproviders = [\"user\", \"a\"]\n"
    );
    let errors = load(&sections).unwrap_err().to_string();
    assert!(errors.contains("credentials.a: stands on itself: a → b → a"), "{errors}");
    assert!(errors.contains("credentials.b: stands on itself: b → a → b"), "{errors}");
    assert!(!errors.contains("credentials.main: stands"), "it only leads to one: {errors}");
    // Two ways to the same section are no circle.
    let diamond =
        sections.replace("providers = [\"user\", \"a\"]\n\n", "").replace("source = \"b\"", "source = \"user\"");
    load(&diamond).unwrap();
}

#[test]
fn debug_of_settings_shows_no_uri() {
    let settings = settings("[credentials.main]\nkind = \"uri\"\nurl = \"http://127.0.0.1/?pass=open-sesame\"\n");
    assert!(!format!("{settings:?}").contains("open-sesame"));
}
