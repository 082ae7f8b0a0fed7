//! What the audit log hears of the reconciler.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use oss_valet::clock::Clock;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use super::{issue, step_at};
use crate::{harness::TestApp, support::PNG};

type Fields = BTreeMap<&'static str, String>;

/// Keeps the audit lines of this thread.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Fields>>>);

struct Reader(Fields);

impl Visit for Reader {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "audit" {
            let mut reader = Reader(Fields::new());
            event.record(&mut reader);
            self.0.lock().unwrap().push(reader.0);
        }
    }
}

#[tokio::test]
async fn what_expires_and_what_is_found_late_is_one_line_each() {
    let kept = Kept::default();
    let _guard = tracing_subscriber::registry().with(kept.clone()).set_default();
    let app = TestApp::spawn().await;
    let (grant, began) = (issue(&app).await, app.clock.now());
    let told = |action: &str| -> Vec<Fields> {
        kept.0.lock().unwrap().iter().filter(|line| line["audit.action"] == action).cloned().collect()
    };

    assert_eq!(step_at(&app, began, 27).await, ["expired"]);
    let expired = told("expire");
    assert_eq!(expired.len(), 1, "{expired:?}");
    for (name, field) in [("grant.id", "id"), ("user.id", "user_id"), ("object.key", "key"), ("bucket.name", "bucket")]
    {
        assert_eq!(expired[0][name], grant[field].as_str().unwrap(), "{name}");
    }

    app.put_object(&grant, grant["content_type"].as_str().unwrap(), PNG).await;
    assert_eq!(step_at(&app, began, 85).await, ["completed"]);
    let completed = told("complete");
    assert_eq!(completed.len(), 1, "{completed:?}");
    assert_eq!(
        (completed[0]["object.source"].as_str(), &completed[0]["grant.id"]),
        ("reconciled", &expired[0]["grant.id"])
    );
    step_at(&app, began, 1465).await;
    assert_eq!((told("complete").len(), told("expire").len()), (1, 1), "nothing is told twice");
}
