//! `uploads`: looking into the ledger, and after what it waits for.

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use crate::{
    dev::Running,
    harness::{Done, curl, settings, valet, write_config},
};

/// A configuration with a ledger of its own, beside a simulator.
struct Desk {
    dev: Running,
    data: tempfile::TempDir,
    config: tempfile::TempDir,
}

impl Desk {
    fn open() -> Self {
        let (data, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dev = Running::dev(data.path());
        write_config(config.path(), &settings(&dev, data.path(), &data.path().join("own.db")));
        Self { dev, data, config }
    }

    fn valet(&self, args: &[&str]) -> Done {
        valet(&[args, &["--config", self.config.path().to_str().unwrap(), "--env", "development"]].concat())
    }

    fn grant(&self) -> Value {
        let args = ["grant", "--profile", "document", "--user", "u-9", "--method", "put", "--filename", "a.txt"];
        self.valet(&args).json()
    }

    /// Lets the time of all looks come.
    fn make_due(&self) {
        let url = format!("sqlite://{}", self.data.path().join("own.db").display());
        let update = async {
            let mut ledger = SqliteConnection::connect(&url).await?;
            sqlx::query("UPDATE grants SET next_check_at = issued_at").execute(&mut ledger).await
        };
        tokio::runtime::Runtime::new().unwrap().block_on(update).unwrap();
    }

    /// Puts the object in place; nobody is told.
    fn put(&self, grant: &Value) {
        let url = format!("{}/-/objects/dev-media/{}", self.dev.text("simulator"), grant["key"].as_str().unwrap());
        curl(&["-X", "PUT", "-H", "Content-Type: text/plain", "--data", "hello", &url]).ok();
    }
}

fn id(grant: &Value) -> &str {
    grant["id"].as_str().unwrap()
}

#[test]
fn reconciling_looks_at_once_and_says_what_it_found() {
    let desk = Desk::open();
    let (there, absent) = (desk.grant(), desk.grant());
    desk.put(&there);

    let done = desk.valet(&["uploads", "reconcile", "--json", id(&there), id(&absent)]).ok();
    let found: Vec<Value> = done.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = |grant: &Value, found: &str| json!({"id": grant["id"], "bucket": "dev-media", "key": grant["key"], "before": "issued", "found": found, "detail": null});
    assert_eq!(found, [expected(&there, "completed"), expected(&absent, "absent")]);

    let again = desk.valet(&["uploads", "reconcile", id(&there)]).ok();
    assert_eq!(again.trim(), format!("{}  known  dev-media/{}", id(&there), there["key"].as_str().unwrap()));
}

#[test]
fn what_stays_open_is_a_failure() {
    let desk = Desk::open();
    let unheard_of = "0193f000-0000-7000-8000-000000000000";
    let done = desk.valet(&["uploads", "reconcile", unheard_of]);
    assert_eq!((done.code, done.stdout.trim()), (1, format!("{unheard_of}  no_grant").as_str()), "{done:?}");
    for usage in [&[][..], &["no-id"], &["--all-due", unheard_of]] {
        let done = desk.valet(&[&["uploads", "reconcile"], usage].concat());
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{usage:?}: {done:?}");
    }

    let grant = desk.grant();
    let fault = r#"[{"on": {"operation": "HeadObject"}, "times": null, "do": {"error": {"status": 503}}}]"#;
    curl(&["-X", "PUT", "--data", fault, &format!("{}/-/faults", desk.dev.text("simulator"))]).ok();
    let done = desk.valet(&["uploads", "reconcile", id(&grant)]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stdout.contains("  unknown  "), "{done:?}");
}

#[test]
fn all_that_is_due_is_looked_after_once() {
    let desk = Desk::open();
    let grants = [desk.grant(), desk.grant(), desk.grant()];
    desk.put(&grants[1]);
    assert_eq!(desk.valet(&["uploads", "reconcile", "--all-due"]).ok(), "", "the first look is midway");
    desk.make_due();

    let done = desk.valet(&["uploads", "reconcile", "--all-due"]).ok();

    let found: Vec<_> = done.lines().map(|line| line.split("  ").take(2).collect::<Vec<_>>()).collect();
    let expected = [(0, "absent"), (1, "completed"), (2, "absent")].map(|(n, word)| vec![id(&grants[n]), word]);
    assert_eq!(found.len(), 3, "{done}");
    assert!(expected.iter().all(|line| found.contains(line)), "{done}");
    assert_eq!(desk.valet(&["uploads", "reconcile", "--all-due", "--json"]).ok(), "", "none is due before its end");
}

#[test]
fn uploads_are_listed_and_shown() {
    let desk = Desk::open();
    let (first, second) = (desk.grant(), desk.grant());
    desk.put(&second);
    desk.valet(&["uploads", "reconcile", id(&second)]).ok();

    let list = desk.valet(&["uploads", "list", "--state", "completed", "--user", "u-9"]).ok();
    assert_eq!(list.lines().count(), 1, "{list}");
    assert!(list.contains(id(&second)) && list.contains("completed"), "{list}");
    let json: Value = desk.valet(&["uploads", "list", "--limit", "1", "--json"]).json();
    assert_eq!(json["uploads"][0]["id"], second["id"], "the newest: {json}");
    let older = desk.valet(&["uploads", "list", "--before", id(&second)]).ok();
    assert!(older.contains(id(&first)) && !older.contains(id(&second)), "{older}");
    assert_eq!(desk.valet(&["uploads", "list", "--profile", "staff", "--json"]).json(), json!({"uploads": []}));
    let shown = desk.valet(&["uploads", "show", id(&second)]).json();
    assert_eq!((&shown["state"], &shown["completion"]["size"]), (&json!("completed"), &json!(5)), "{shown}");
    for args in
        [&["uploads", "show", "01930000-0000-7000-8000-000000000000"][..], &["uploads", "list", "--state", "lost"]]
    {
        let refused = desk.valet(args);
        assert!(refused.code != 0 && refused.stdout.is_empty(), "{refused:?}");
    }
}
