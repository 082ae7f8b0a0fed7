//! What `/metrics` tells of the hook.

use super::{CONTENT, backend::Backend, issue, spawn};
use crate::{
    forger::Forger,
    harness::upload,
    metrics::{Scrape, assert_grew},
};

#[tokio::test]
async fn each_question_is_timed_by_its_outcome() {
    let backend = Backend::start().await;
    let app = spawn(&Forger::new(), &backend, "accept").await;
    for (says, outcome) in [(200, "accepted"), (403, "rejected"), (500, "failed")] {
        let before = Scrape::of(&app).await;
        backend.will_say(says, "{}");
        let grant = issue(&app, "hooked").await;
        upload(&app, &grant, CONTENT).await;
        let labels = ["hook=\"backend\"", &format!("outcome=\"{outcome}\"")];
        assert_grew(&before, &Scrape::of(&app).await, 1.0, "oss_valet_hook_duration_seconds_count", &labels);
    }
}
