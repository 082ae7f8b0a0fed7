//! `kill -9` in the middle of many uploads: what was answered is there, whole; nothing is torn, nothing invented.

use std::{cell::RefCell, collections::BTreeMap, path::Path, process::Command};

use futures_util::future::join_all;
use oss_valet::oss::{presign, xml::Element};
use reqwest::RequestBuilder;
use tempfile::TempDir;

use crate::{
    harness::{send, text},
    large::{BUCKET, FORM_TAIL, FORM_TYPE, Process},
};

/// Uploading at once.
const CLIENTS: usize = 8;
/// So many uploads are answered before the kill.
const ANSWERS: usize = 120;
/// Nothing, held in memory, just beyond that, and several blocks; parts have at least 100 KiB.
const SIZES: [usize; 4] = [0, 3_000, 70_000, 600_000];

/// What clients know: for each key the last content that was answered, and one that was sent later.
#[derive(Debug, Default)]
struct Known {
    answers: usize,
    keys: BTreeMap<String, (Option<String>, Option<String>)>,
}

fn start(data: &Path) -> Process {
    Process::start(Command::new(env!("CARGO_BIN_EXE_oss-valet")), data, &[])
}

/// Uploads until the simulator is gone; whoever gets the last answer kills it.
async fn upload_until_killed(simulator: &Process, round: usize, client: usize, known: &RefCell<Known>) {
    for number in 0.. {
        // Every other upload overwrites the same key.
        let key = if number % 2 == 0 { format!("over/{client}") } else { format!("new/{client}-{number}") };
        let line = format!("{key} in round {round}, upload {number}\n");
        let content: String = line.chars().cycle().take(SIZES[(client + number / 2) % SIZES.len()]).collect();
        known.borrow_mut().keys.entry(key.clone()).or_default().1 = Some(content.clone());
        if upload(simulator, client + number, &key, &content).await.is_none() {
            return;
        }
        let mut known = known.borrow_mut();
        known.keys.insert(key, (Some(content), None));
        known.answers += 1;
        if known.answers == ANSWERS {
            let kill = Command::new("kill").args(["-KILL", &simulator.id().to_string()]).status();
            assert!(kill.expect("kill runs").success());
        }
    }
}

/// `None` when no answer came.
async fn upload(simulator: &Process, way: usize, key: &str, content: &str) -> Option<()> {
    match way % 3 {
        0 => answered(with_body(simulator.signed(presign::put_object(BUCKET, key, vec![])), content)).await?,
        1 => {
            let form = simulator.form_head(key, &[]) + content + FORM_TAIL;
            let post = simulator.client().post(format!("{}/{BUCKET}/", simulator.url()));
            answered(post.header("content-type", FORM_TYPE).body(form)).await?
        }
        _ => {
            let initiated = simulator.signed(presign::initiate_multipart_upload(BUCKET, key, vec![]));
            let id = Element::parse(&answered(initiated).await?)?.child_text("UploadId").map(str::to_owned)?;
            let split = if content.len() > 300_000 { 200_000 } else { content.len() };
            for (number, part) in [&content[..split], &content[split..]].into_iter().enumerate() {
                if number == 0 || !part.is_empty() {
                    let request = presign::upload_part(BUCKET, key, &id, u32::try_from(number + 1).expect("1 or 2"));
                    answered(with_body(simulator.signed(request), part)).await?;
                }
            }
            let all = vec![("x-oss-complete-all".to_owned(), "yes".to_owned())];
            answered(simulator.signed(presign::complete_multipart_upload(BUCKET, key, &id, all))).await?
        }
    };
    Some(())
}

fn with_body(request: RequestBuilder, body: &str) -> RequestBuilder {
    request.header("content-length", body.len()).body(body.to_owned())
}

/// The body of a success; a refusal would be a fault of this test.
async fn answered(request: RequestBuilder) -> Option<String> {
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let body = answer.text().await.ok()?;
    assert!(status.is_success(), "{status} {body}");
    Some(body)
}

/// Every key that is there has a content that was sent for it; every answered upload is there. What there is now.
async fn assert_whole(simulator: &Process, known: Known) -> Known {
    let listed = text(send(simulator.client().get(format!("{}/-/objects/{BUCKET}", simulator.url()))).await).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let there: Vec<&str> =
        listed.as_array().expect("a list").iter().map(|file| file["key"].as_str().expect("a key")).collect();
    for key in &there {
        assert!(known.keys.contains_key(*key), "{key} was never sent");
    }
    let mut now = Known::default();
    for (key, (answered, sent)) in known.keys {
        if !there.contains(&key.as_str()) {
            assert!(answered.is_none(), "{key} was answered and is gone");
            continue;
        }
        let got = text(send(simulator.signed(presign::get_object(BUCKET, &key))).await).await;
        let expected = [answered, sent].into_iter().flatten().any(|content| content == got);
        assert!(expected, "{key} has {} bytes that nobody sent", got.len());
        now.keys.insert(key, (Some(got), None));
    }
    now
}

#[tokio::test]
async fn a_kill_in_the_middle_of_uploads_loses_nothing_that_was_answered() {
    let data = TempDir::new().expect("a folder");
    let mut known = Known::default();
    for round in 0..3 {
        let simulator = start(data.path());
        let shared = RefCell::new(known);
        join_all((0..CLIENTS).map(|client| upload_until_killed(&simulator, round, client, &shared))).await;
        let sent = shared.into_inner();
        assert!(sent.answers >= ANSWERS, "killed too early: {}", sent.answers);
        drop(simulator);
        known = assert_whole(&start(data.path()), sent).await;
        assert!(known.keys.len() > CLIENTS, "few objects: {}", known.keys.len());
    }
}
