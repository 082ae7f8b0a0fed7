//! `kill -9` in the middle of a burst: whatever was answered is there afterwards, and nothing else is.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use md5::{Digest, Md5};
use reqwest::{Client, RequestBuilder, multipart};
use serde_json::{Value, json};

use crate::{
    dev::Running,
    harness::{http_client, pairs},
    ledger,
};

/// Grants asked for, each uploaded under as soon as it is there.
const BURST: usize = 5000;
/// Burst members answered when the process is killed.
const KILLED_AFTER: usize = 4000;
const AT_ONCE: usize = 32;

/// What one member of the burst was promised.
struct Promised {
    grant: Value,
    /// The callback's answer, handed on by OSS, where the upload was answered 200; and what was uploaded.
    uploaded: Option<(Value, Vec<u8>)>,
}

/// The answer's status and body, if it came whole.
async fn answer(request: RequestBuilder) -> Option<(u16, Vec<u8>)> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.bytes().await.ok()?.to_vec()))
}

async fn member(http: &Client, dev: &HashMap<&'static str, String>, number: usize) -> Option<Promised> {
    let method = if number.is_multiple_of(2) { "post" } else { "put" };
    let body =
        json!({"profile": "document", "method": method, "filename": "a.txt", "vars": {"album": number.to_string()}});
    let issue = http.post(format!("{}/v1/uploads", dev["service"])).bearer_auth(&dev["token"]).json(&body);
    let (201, issued) = answer(issue).await? else { return None };
    let grant: Value = serde_json::from_slice(&issued).unwrap();
    let mut promised = Promised { grant, uploaded: None };
    let content = format!("content {number}").into_bytes();
    if let Some((200, told)) = answer(upload(http, &promised.grant["request"], &content)).await {
        promised.uploaded = Some((serde_json::from_slice(&told).unwrap(), content));
    }
    Some(promised)
}

fn upload(http: &Client, request: &Value, content: &[u8]) -> RequestBuilder {
    let url = request["url"].as_str().unwrap();
    if request["method"] == "PUT" {
        let put = http.put(url).body(content.to_vec());
        return pairs(&request["headers"]).into_iter().fold(put, |put, (name, value)| put.header(name, value));
    }
    let fields = pairs(&request["fields"]).into_iter();
    let form = fields.fold(multipart::Form::new(), |form, (name, value)| form.text(name, value));
    http.post(url).multipart(form.part("file", multipart::Part::bytes(content.to_vec())))
}

fn addresses(dev: &Running) -> HashMap<&'static str, String> {
    ["service", "simulator", "token", "bucket"].map(|name| (name, dev.text(name).to_owned())).into()
}

/// Runs the burst, and kills the process when enough has been answered; what comes after that fails, and promises nothing.
async fn burst_until_killed(http: &Client, mut dev: Running) -> Vec<Promised> {
    let addresses = addresses(&dev);
    let mut members = stream::iter(0..BURST).map(|number| member(http, &addresses, number)).buffer_unordered(AT_ONCE);
    let mut promised = Vec::new();
    while let Some(member) = members.next().await {
        promised.extend(member);
        if promised.len() == KILLED_AFTER {
            dev.kill();
        }
    }
    promised
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_during_a_burst_it_keeps_every_promise_and_invents_nothing() {
    let data = tempfile::tempdir().unwrap();
    let http = http_client();
    let promised = burst_until_killed(&http, Running::dev(data.path())).await;
    assert!((KILLED_AFTER..BURST).contains(&promised.len()), "killed in the middle: {} answered", promised.len());
    let uploads = promised.iter().filter(|promised| promised.uploaded.is_some()).count();
    assert!(uploads > KILLED_AFTER / 2, "{uploads} uploads answered");

    let dev = Running::dev(data.path());
    let addresses = addresses(&dev);

    let kept = stream::iter(&promised).map(|promised| assert_kept(&http, &addresses, promised));
    let kept: Vec<()> = kept.buffer_unordered(AT_ONCE).collect().await;
    assert_eq!(kept.len(), promised.len());
    assert_nothing_invented(&http, &addresses, data.path()).await;
    let (status, _) = dev.terminate();
    assert!(status.success(), "{status}");
}

async fn assert_kept(http: &Client, dev: &HashMap<&'static str, String>, promised: &Promised) {
    let id = promised.grant["id"].as_str().unwrap();
    let show = http.get(format!("{}/v1/uploads/{id}", dev["service"])).bearer_auth(&dev["token"]);
    let (status, shown) = answer(show).await.unwrap();
    assert_eq!(status, 200, "{id} was issued: {}", String::from_utf8_lossy(&shown));
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["key"], promised.grant["key"]);
    if let Some((told, content)) = &promised.uploaded {
        assert_eq!(told["id"], promised.grant["id"], "{told}");
        assert_eq!(shown["state"], "completed", "{id} was called back: {shown}");
        assert_eq!(shown["completion"]["size"], content.len(), "{shown}");
        assert_eq!(shown["completion"]["etag"], hex::encode_upper(Md5::digest(content)), "{shown}");
    }
}

/// Every completed grant's object is there, as recorded; and as many events as completions.
async fn assert_nothing_invented(http: &Client, dev: &HashMap<&'static str, String>, data: &std::path::Path) {
    let list = http.get(format!("{}/-/objects/{}", dev["simulator"], dev["bucket"]));
    let (_, objects) = answer(list).await.unwrap();
    let objects: Vec<Value> = serde_json::from_slice(&objects).unwrap();
    let objects: HashMap<&str, &Value> = objects
        .iter()
        .map(|object| (object["key"].as_str().unwrap(), &object["versions"][0]["kind"]["normal"]))
        .collect();
    let url = format!("sqlite://{}", data.join("ledger.db").display());
    let sql = "SELECT object_key, cast(size AS TEXT), etag FROM completions JOIN grants ON grants.id = grant_id \
               WHERE state = 'completed' AND object_key = key";
    let completed = ledger::query(&url, sql).await;
    for row in &completed {
        let [Some(key), Some(size), Some(etag)] = row.as_slice() else { panic!("{row:?}") };
        let object = objects.get(key.as_str()).unwrap_or_else(|| panic!("{key} is completed and not there"));
        assert_eq!((object["size"].to_string(), object["etag"].as_str()), (size.clone(), Some(etag.as_str())), "{key}");
    }
    let counts = "SELECT cast(count(*) AS TEXT) FROM completions UNION ALL SELECT cast(count(*) AS TEXT) FROM events \
                  UNION ALL SELECT cast(count(*) AS TEXT) FROM grants WHERE state = 'completed'";
    let expected = vec![vec![Some(completed.len().to_string())]; 3];
    assert_eq!(ledger::query(&url, counts).await, expected, "completions, events, completed grants");
}
