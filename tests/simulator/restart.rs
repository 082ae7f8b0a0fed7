//! What a restart leaves alone.

use std::{error::Error, fs, path::Path, sync::Arc};

use oss_valet::{
    clock::ManualClock,
    oss::{
        presign,
        request::{SignableRequest, SignatureVersion},
        xml::Element,
    },
    simulator::{BindError, Simulator, SimulatorSettings},
};

use crate::harness::{BUCKET, VERSIONED, World, header, ok, own, send, start_of_time, text};

#[tokio::test]
async fn objects_and_the_callback_key_survive_a_restart() {
    let before = World::new().await;
    before.store("kept", "123456789").await;
    let key = before.key_pem.clone();
    let folder = before.stop().await;
    std::fs::write(folder.path().join("content/half-an-upload"), "left by a kill").expect("written");
    let after = World::in_folder(Arc::clone(&folder), |_| ()).await;
    assert_eq!(after.key_pem, key);
    assert_eq!(header(&after.head("kept").await, "content-length").as_deref(), Some("9"));
    assert_eq!(after.keys(BUCKET).await, ["kept"]);
    assert!(!folder.path().join("content/half-an-upload").exists(), "unfinished uploads are cleared away");
}

#[tokio::test]
async fn versions_parts_and_replaced_objects_survive_a_restart() {
    let before = World::new().await;
    for body in ["old", "newer", "newest"] {
        before.store("overwritten", body).await;
        let versioned = presign::put_object(VERSIONED, "versioned", vec![]);
        ok(before.signed(SignatureVersion::V1, versioned).body(body)).await;
    }
    before.store("removed", "x").await;
    ok(before.signed(SignatureVersion::V4, SignableRequest::object("DELETE", BUCKET, "removed"))).await;
    let initiated = before.signed(SignatureVersion::V4, presign::initiate_multipart_upload(BUCKET, "large", vec![]));
    let xml = text(ok(initiated).await).await;
    let id = Element::parse(&xml).and_then(|root| root.child_text("UploadId").map(str::to_owned)).expect("an id");
    let part = |world: &World, number, text: &str| {
        let request = presign::upload_part(BUCKET, "large", &id, number);
        world.signed(SignatureVersion::V4, request).body(text.repeat(100 * 1024))
    };
    ok(part(&before, 1, "a")).await;
    let listed = text(send(before.client.get(format!("{}/-/objects/{VERSIONED}", before.url))).await).await;

    let after = World::in_folder(before.stop().await, |_| ()).await;
    let overwritten = after.signed(SignatureVersion::V4, presign::get_object(BUCKET, "overwritten"));
    assert_eq!(text(ok(overwritten).await).await, "newest");
    let again = text(send(after.client.get(format!("{}/-/objects/{VERSIONED}", after.url))).await).await;
    assert_eq!((again.matches("version_id").count(), again), (3, listed));
    ok(part(&after, 2, "b")).await;
    let complete = presign::complete_multipart_upload(BUCKET, "large", &id, own(&[("x-oss-complete-all", "yes")]));
    ok(after.signed(SignatureVersion::V4, complete)).await;
    let large = after.signed(SignatureVersion::V4, presign::get_object(BUCKET, "large"));
    assert_eq!(text(ok(large).await).await, "a".repeat(100 * 1024) + &"b".repeat(100 * 1024));
    assert_eq!(after.keys(BUCKET).await, ["large", "overwritten"]);
    assert_eq!(after.content_files(), 1 + 2, "all that is small in one file, and two parts");
}

#[tokio::test]
async fn the_callback_key_is_served_at_its_url() {
    let world = World::new().await;
    let served = world.client.get(&world.key_url).send().await.expect("an answer").text().await.expect("a body");
    assert_eq!(served, world.key_pem);
    assert!(served.contains("BEGIN PUBLIC KEY"), "{served}");
}

/// Why a simulator can't use the folder.
fn refused(folder: &Path) -> String {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let settings = SimulatorSettings::new(listen, folder, Arc::new(ManualClock::at(start_of_time())));
    match Simulator::bind(settings) {
        Err(error @ BindError::DataFolder { .. }) => {
            assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
            error.source().expect("a cause").to_string()
        }
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("the folder was taken"),
    }
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_simulator_at_a_time() {
    let first = World::new().await;
    first.store("kept", "x").await;
    assert_eq!(refused(first.folder.path()), "another simulator is using it");
    first.store("kept as well", "x").await;
    let second = World::in_folder(first.stop().await, |_| ()).await;
    assert_eq!(second.keys(BUCKET).await, ["kept", "kept as well"]);
}

#[tokio::test]
async fn what_a_kill_left_of_a_last_line_is_cut_off() {
    let before = World::new().await;
    before.store("kept", "x").await;
    let folder = before.stop().await;
    let journal = folder.path().join("journal.jsonl");
    let whole = fs::read(&journal).expect("a journal");
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("lines") + 1;
    for torn in [last + 1, whole.len() - 1] {
        fs::write(&journal, [&whole[..], &whole[last..torn]].concat()).expect("written");
        let after = World::in_folder(Arc::clone(&folder), |_| ()).await;
        assert_eq!(after.keys(BUCKET).await, ["kept"]);
        after.store("kept", "x").await;
        after.stop().await;
        let again = World::in_folder(Arc::clone(&folder), |_| ()).await;
        assert_eq!(again.keys(BUCKET).await, ["kept"], "what was written behind the torn line is whole");
        again.stop().await;
    }
    fs::write(&journal, &whole[..last / 2]).expect("written");
    let empty = World::in_folder(Arc::clone(&folder), |_| ()).await;
    assert_eq!((empty.keys(BUCKET).await, empty.content_files()), (vec![], 0), "not even the first line");
}

#[tokio::test]
async fn a_folder_that_cannot_be_understood_is_refused_and_left_alone() {
    let before = World::new().await;
    before.store("kept", "x").await;
    let folder = before.stop().await;
    let journal = folder.path().join("journal.jsonl");
    let whole = fs::read_to_string(&journal).expect("a journal");
    let cases = [
        (whole.replace("\"kept\"", "kept"), "line 2 of its journal is damaged: "),
        (whole.replace("simulator 1", "simulator 2"), "its journal is of the form \"oss-valet simulator 2\", not "),
        (whole.replace("format", "other"), "line 1 of its journal is damaged: "),
    ];
    for (written, expected) in cases {
        fs::write(&journal, &written).expect("written");
        let refusal = refused(folder.path());
        assert!(refusal.starts_with(expected), "{refusal}");
        assert_eq!(fs::read_to_string(&journal).expect("a journal"), written);
        assert_eq!(fs::read_dir(folder.path().join("content")).expect("a folder").count(), 1);
    }
    let older = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(older.path().join("objects/dev-media")).expect("created");
    assert!(refused(older.path()).starts_with("it was written by an older version"));
}

#[tokio::test]
async fn a_journal_that_is_mostly_history_is_written_anew() {
    let before = World::new().await;
    before.store("kept", "x").await;
    for _ in 0..1_100 {
        before.store("overwritten", "y").await;
    }
    let folder = before.stop().await;
    let lines = || fs::read_to_string(folder.path().join("journal.jsonl")).expect("a journal").lines().count();
    assert_eq!(lines(), 1 + 1 + 1_100);
    let after = World::in_folder(Arc::clone(&folder), |_| ()).await;
    assert_eq!((after.keys(BUCKET).await, lines()), (vec!["kept".to_owned(), "overwritten".to_owned()], 3));
    after.store("later", "z").await;
    let again = World::in_folder(after.stop().await, |_| ()).await;
    assert_eq!(again.keys(BUCKET).await, ["kept", "later", "overwritten"]);
}
