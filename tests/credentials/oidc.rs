//! `oidc` (RRSA): an unsigned request with the pod's token, which is read anew each time.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use chrono::TimeDelta;
use oss_valet::{
    app::ports::{CredentialState, Credentials},
    clock::{Clock, ManualClock},
    credentials::{AssumeRoleRequest, Oidc, RefreshingCredentials},
};
use tempfile::TempDir;

use crate::{
    assume_role::request,
    harness::{clock, parts, parts_of, refreshing},
    sts::{PROVIDER, ROLE, Sts},
};

pub(crate) fn source(sts: &Sts, token_file: &Path) -> Oidc {
    Oidc { sts: sts.client(), provider_arn: PROVIDER.to_owned(), token_file: token_file.to_owned(), request: request() }
}

struct Pod {
    clock: Arc<ManualClock>,
    sts: Sts,
    folder: TempDir,
    provider: Arc<RefreshingCredentials>,
}

impl Pod {
    async fn start() -> Self {
        let clock = clock();
        let sts = Sts::start(&clock).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "jwt.of.the.pod").unwrap();
        let provider = refreshing(source(&sts, &path), &clock);
        Self { clock, sts, folder, provider }
    }

    fn write_token(&self, token: &str) {
        std::fs::write(self.folder.path().join("token"), token).unwrap();
    }
}

#[tokio::test]
async fn the_request_is_the_documented_one_unsigned_and_nothing_more() {
    let pod = Pod::start().await;

    let credential = pod.provider.current(pod.clock.now()).await.unwrap();

    assert_eq!(parts(&credential), parts_of("1", pod.clock.now() + TimeDelta::minutes(15)));
    let (request, sent) = pod.sts.only().await;
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let expected = map(&[
        ("Action", "AssumeRoleWithOIDC"),
        ("Format", "JSON"),
        ("Timestamp", "2026-11-21T00:00:00Z"),
        ("Version", "2015-04-01"),
    ]);
    assert_eq!(sent.query, expected);
    let expected = map(&[
        ("DurationSeconds", "900"),
        ("OIDCProviderArn", PROVIDER),
        ("OIDCToken", "jwt.of.the.pod"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "oss-valet@c1"),
    ]);
    assert_eq!(sent.form, expected);
    assert_eq!(request.headers["accept-encoding"], "identity");
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_policy_is_sent_along_and_an_external_id_is_not() {
    let pod = Pod::start().await;
    let request = AssumeRoleRequest {
        policy: Some("{}".to_owned()),
        external_id: Some("no such parameter".to_owned()),
        ..request()
    };
    let source = Oidc { request, ..source(&pod.sts, &pod.folder.path().join("token")) };
    refreshing(source, &pod.clock).current(pod.clock.now()).await.unwrap();
    let (_, sent) = pod.sts.only().await;
    assert_eq!(sent.form["Policy"], "{}");
    assert!(!sent.form.contains_key("ExternalId"));
}

#[tokio::test]
async fn the_token_file_is_read_for_each_renewal() {
    let pod = Pod::start().await;
    pod.provider.current(pod.clock.now()).await.unwrap();
    // Kubernetes replaces the token; the old one is over.
    *pod.sts.state.oidc_token.lock().unwrap() = "jwt.of.the.next.hour".to_owned();
    pod.write_token("jwt.of.the.next.hour\n");

    pod.clock.advance(TimeDelta::minutes(12));
    pod.provider.refresh_due(pod.clock.now()).await;

    assert_eq!(pod.provider.current(pod.clock.now()).await.unwrap().key.id(), "STS.2");
    assert_eq!(pod.provider.status(pod.clock.now()).await.state, CredentialState::Ok);
}

#[tokio::test]
async fn a_token_that_is_late_or_lost_leaves_the_last_good_credential() {
    let pod = Pod::start().await;
    pod.provider.current(pod.clock.now()).await.unwrap();
    *pod.sts.state.oidc_token.lock().unwrap() = "jwt.of.the.next.hour".to_owned();
    pod.clock.advance(TimeDelta::minutes(12));
    pod.provider.refresh_due(pod.clock.now()).await;
    let status = pod.provider.status(pod.clock.now()).await;
    assert_eq!((status.state, status.usable), (CredentialState::Failing, true));
    let reason = status.reason.unwrap();
    assert!(reason.contains("AuthenticationFail.OIDCToken.Expired") && !reason.contains("jwt"), "{reason}");

    std::fs::remove_file(pod.folder.path().join("token")).unwrap();
    pod.clock.advance(TimeDelta::minutes(1));
    pod.provider.refresh_due(pod.clock.now()).await;
    let reason = pod.provider.status(pod.clock.now()).await.reason.unwrap();
    assert!(reason.contains("token: ") && reason.contains("No such file"), "{reason}");
    assert_eq!(pod.provider.current(pod.clock.now()).await.unwrap().key.id(), "STS.1");

    pod.write_token("jwt.of.the.next.hour");
    pod.clock.advance(TimeDelta::minutes(1));
    pod.provider.refresh_due(pod.clock.now()).await;
    assert_eq!(pod.provider.current(pod.clock.now()).await.unwrap().key.id(), "STS.2");
}

#[tokio::test]
async fn an_empty_token_is_not_sent() {
    let pod = Pod::start().await;
    pod.write_token("\n");
    let error = pod.provider.current(pod.clock.now()).await.unwrap_err().to_string();
    assert!(error.contains("the file is empty"), "{error}");
    assert!(pod.sts.received().await.is_empty());
}
