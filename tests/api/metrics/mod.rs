//! `/metrics` of the operations listener: how it is written, what stands on it, what moves, and that no label comes from a user.

mod counted;
mod keys;
mod labels;
mod stands;

use std::collections::BTreeSet;

use crate::harness::{TestApp, send};

/// One scrape.
pub(crate) struct Scrape(String);

impl Scrape {
    pub(crate) async fn of(app: &TestApp) -> Self {
        let answer = send(app.http.get(format!("{}/metrics", app.ops))).await;
        assert_eq!(answer.status, 200);
        Self(answer.text())
    }

    /// The sum of all series of that name whose labels hold each of these texts.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let is_meant =
            |series: &str| series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label));
        self.samples().filter(|(series, _)| is_meant(series)).map(|(_, value)| value).sum()
    }

    /// Series and value, line by line.
    pub(crate) fn samples(&self) -> impl Iterator<Item = (&str, f64)> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(series, value)| (series, value.parse().unwrap()))
    }

    /// Names with their labels.
    pub(crate) fn series(&self) -> BTreeSet<&str> {
        self.samples().map(|(series, _)| series).collect()
    }
}

/// Fails unless this has grown by so much since. By more is fine: within one process the tests that run beside this one count too.
#[track_caller]
pub(crate) fn assert_grew(before: &Scrape, after: &Scrape, by: f64, name: &str, labels: &[&str]) {
    let (was, is) = (before.sum(name, labels), after.sum(name, labels));
    assert!(is >= was + by, "{name} {labels:?} was {was}, is {is}, and not {by} more");
}

/// The value behind that name and its labels.
pub(crate) async fn value(app: &TestApp, series: &str) -> Option<f64> {
    Scrape::of(app).await.samples().find(|(found, _)| *found == series).map(|(_, value)| value)
}
