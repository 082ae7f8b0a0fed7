//! `chain`: in order, and faithful to the one that works.

use std::sync::Arc;

use chrono::TimeDelta;
use oss_valet::{
    app::ports::{CredentialState, Credentials},
    clock::Clock,
    credentials::ChainCredentials,
};

use crate::harness::{Given, Numbered, Shared, clock, refreshing};

fn chain(providers: &[(&str, &Arc<Given>)]) -> ChainCredentials {
    let providers =
        providers.iter().map(|(name, provider)| ((*name).to_owned(), Arc::clone(provider) as Arc<dyn Credentials>));
    ChainCredentials::new(providers.collect())
}

#[tokio::test]
async fn the_first_that_works_is_used_and_the_ones_before_it_are_asked_no_more() {
    let now = clock().now();
    let [a, b, c] = [Given::new(None), Given::new(Some("B")), Given::new(Some("C"))];
    let chain = chain(&[("a", &a), ("b", &b), ("c", &c)]);
    for _ in 0..3 {
        assert_eq!(chain.current(now).await.unwrap().key.id(), "B");
    }
    // It would come first, but one that works is not left.
    a.set(Some("A"));
    assert_eq!(chain.current(now).await.unwrap().key.id(), "B");
    assert_eq!((a.asked(), b.asked(), c.asked()), (1, 4, 0));
}

#[tokio::test]
async fn another_one_is_looked_for_once_the_chosen_one_has_nothing_left() {
    let now = clock().now();
    let [a, b] = [Given::new(Some("A")), Given::new(Some("B"))];
    let chain = chain(&[("a", &a), ("b", &b)]);
    assert_eq!(chain.current(now).await.unwrap().key.id(), "A");
    a.set(None);
    assert_eq!(chain.current(now).await.unwrap().key.id(), "B");
    a.set(Some("A"));
    assert_eq!(chain.current(now).await.unwrap().key.id(), "B", "and now this one is the chosen one");
    b.set(None);
    assert_eq!(chain.current(now).await.unwrap().key.id(), "A", "from the first on");
}

#[tokio::test]
async fn a_chain_without_any_says_of_each_why() {
    let now = clock().now();
    let [a, b] = [Given::new(None), Given::new(None)];
    let chain = chain(&[("a", &a), ("b", &b)]);
    assert_eq!(chain.status(now).await.state, CredentialState::Refreshing, "nobody was asked yet");
    let error = chain.current(now).await.unwrap_err().to_string();
    assert!(error.contains("a: none today; b: none today"), "{error}");
    let later = now + TimeDelta::minutes(5);
    assert!(chain.current(later).await.is_err());
    let status = chain.status(later).await;
    assert_eq!((status.state, status.usable, status.failing_since), (CredentialState::Failing, false, Some(now)));
    b.set(Some("B"));
    chain.refresh_due(later).await;
    assert_eq!(chain.status(later).await.state, CredentialState::Ok, "the step finds it without a caller");
}

#[tokio::test]
async fn only_the_chosen_one_is_renewed() {
    let now = clock().now();
    let [a, b, c] = [Given::new(None), Given::new(Some("B")), Given::new(Some("C"))];
    let chain = chain(&[("a", &a), ("b", &b), ("c", &c)]);
    chain.current(now).await.unwrap();
    chain.refresh_due(now).await;
    assert_eq!((a.stepped(), b.stepped(), c.stepped()), (0, 1, 0));
}

#[tokio::test]
async fn a_chosen_one_that_can_not_be_renewed_is_kept_until_its_credential_ends() {
    let clock = clock();
    let source = Numbered::new(&clock, TimeDelta::minutes(15));
    let first: Arc<dyn Credentials> = refreshing(Shared(source.clone()), &clock);
    let second = Given::new(Some("B"));
    let chain =
        ChainCredentials::new(vec![("first".to_owned(), first), ("second".to_owned(), second as Arc<dyn Credentials>)]);
    assert_eq!(chain.current(clock.now()).await.unwrap().key.id(), "STS.1");
    source.set_failing(true);
    clock.advance(TimeDelta::seconds(899));
    chain.refresh_due(clock.now()).await;
    assert_eq!(chain.current(clock.now()).await.unwrap().key.id(), "STS.1");
    let status = chain.status(clock.now()).await;
    assert_eq!((status.state, status.usable), (CredentialState::Failing, true));
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(chain.current(clock.now()).await.unwrap().key.id(), "B");
}
