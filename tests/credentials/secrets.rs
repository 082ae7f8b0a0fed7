//! What goes right and what goes wrong is logged; no secret ever is.

use std::{
    io,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use oss_valet::{
    app::ports::Credentials,
    clock::Clock,
    credentials::{AssumeRole, ChainCredentials, CredentialsUri, Timeouts},
    oss::access_key::AccessKey,
};
use tracing_subscriber::fmt::MakeWriter;
use wiremock::ResponseTemplate;

use crate::{
    assume_role,
    harness::{clock, http, issued, refreshing},
    metadata::Metadata,
    oidc,
    sts::{Sts, refusal},
};

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_is_in_any_log_error_or_status() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let clock = clock();
    let sts = Sts::start(&clock).await;
    let metadata = Metadata::start(&clock).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "jwt.of.the.pod").unwrap();
    let uri = format!("{}/?pass=sesame-of-the-uri", sts.url());
    let first = refreshing(assume_role::source(&sts), &clock);
    let providers: Vec<(&str, Arc<dyn Credentials>)> = vec![
        ("role", first.clone()),
        ("role on role", refreshing(AssumeRole { caller: first, ..assume_role::source(&sts) }, &clock)),
        ("oidc", refreshing(oidc::source(&sts, &token), &clock)),
        ("ecs", refreshing(metadata.source(None, true), &clock)),
        ("uri", refreshing(CredentialsUri { url: uri.into(), http: http(Timeouts::STS) }, &clock)),
    ];
    let chained = providers.iter().map(|(name, provider)| ((*name).to_owned(), provider.clone())).collect();
    let chain: Arc<dyn Credentials> = Arc::new(ChainCredentials::new(chained));
    let mut texts = Vec::new();
    let outages = [
        None,
        Some(refusal(400, "SignatureDoesNotMatch")),
        Some(refusal(400, "server string to sign is: sesame-of-the-user")),
        Some(ResponseTemplate::new(200).set_body_json(issued("1", clock.now()))),
        Some(ResponseTemplate::new(500).set_body_string("sesame-of-the-user jwt.of.the.pod ticket-of-1")),
        None,
    ];
    for outage in outages {
        metadata.set(|world| world.code = if outage.is_some() { "ticket-of-ecs?" } else { "Success" });
        sts.set_outage(outage);
        for (_, provider) in providers.iter().chain([&("chain", chain.clone())]) {
            provider.refresh_due(clock.now()).await;
            let current = provider.current(clock.now()).await;
            texts.push(format!("{current:?} {:?}", provider.status(clock.now()).await));
            texts.extend(current.err().map(|error| error.to_string()));
        }
        clock.advance(TimeDelta::hours(7));
    }
    texts.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());

    let all = texts.join("\n");
    for told in
        ["credential renewed", "could not be renewed", "SignatureDoesNotMatch", "HTTP 500", "STS.ecs", "the chain has"]
    {
        assert!(all.contains(told), "{told}: {all}");
    }
    for secret in ["sesame", "ticket", "jwt.of", "pass-1", "Signature="] {
        let at = all.find(secret).map(|at| &all[at.saturating_sub(200)..(at + 60).min(all.len())]);
        assert_eq!(at, None, "{secret}");
    }
}

#[test]
fn debug_of_what_is_held_shows_no_secret() {
    let source = CredentialsUri { url: "http://127.0.0.1/?pass=sesame".into(), http: http(Timeouts::STS) };
    assert!(!format!("{:?}", source.url).contains("sesame"));
    let key = AccessKey::new("STS.1", "sesame").with_security_token("ticket");
    let shown = format!("{:?}", oss_valet::app::ports::Credential { key, expires_at: None });
    assert!(shown.contains("STS.1") && !shown.contains("sesame") && !shown.contains("ticket"), "{shown}");
}
