//! ListObjectsV2, ListObjects, ListMultipartUploads, DeleteMultipleObjects.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use oss_valet::{
    oss::{encoding::decode_path, request::SignableRequest, xml::Element},
    simulator::Versioning,
};

use crate::{
    harness::{BUCKET, World, header, text},
    surface::{outcome, request, texts, xml},
};

const KEYS: [&str; 7] = ["a b+c", "fun/1", "fun/movie/001.avi", "fun/movie/007.avi", "fun/test.jpg", "oss.jpg", "中"];

async fn world() -> World {
    let world = World::new().await;
    for key in KEYS {
        world.store(key, key).await;
    }
    world
}

async fn list(world: &World, query: &str) -> Element {
    xml(world.call(request("GET", "", query, &[]), "").await).await
}

/// Keys, then common prefixes in brackets.
fn shown(list: &Element) -> String {
    let prefixes = texts(list, "CommonPrefixes", "Prefix").into_iter().map(|prefix| format!("[{prefix}]"));
    texts(list, "Contents", "Key").into_iter().chain(prefixes).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn lists_are_cut_and_grouped_in_both_ways() {
    let world = world().await;
    let cases = [
        ("", "a b+c fun/1 fun/movie/001.avi fun/movie/007.avi fun/test.jpg oss.jpg 中"),
        ("delimiter=/", "a b+c oss.jpg 中 [fun/]"),
        ("prefix=fun/&delimiter=/", "fun/1 fun/test.jpg [fun/movie/]"),
        ("prefix=fun/movie", "fun/movie/001.avi fun/movie/007.avi"),
        ("prefix=none", ""),
        ("prefix=fun/&AFTER=fun/movie/001.avi", "fun/movie/007.avi fun/test.jpg"),
        ("AFTER=fun/zzz", "oss.jpg 中"),
        ("AFTER=fun/&delimiter=/", "oss.jpg 中"),
    ];
    for (query, expected) in cases {
        let v1 = list(&world, &query.replace("AFTER", "marker")).await;
        let v2 = list(&world, &format!("list-type=2&{}", query.replace("AFTER", "start-after"))).await;
        for (list, way) in [(&v1, "v1"), (&v2, "v2")] {
            assert_eq!(shown(list), expected, "{way} {query}");
            assert_eq!(list.child_text("IsTruncated"), Some("false"), "{way} {query}");
            assert_eq!(list.child_text("Name"), Some(BUCKET));
        }
        let count = (texts(&v2, "Contents", "Key").len() + texts(&v2, "CommonPrefixes", "Prefix").len()).to_string();
        assert_eq!(v2.child_text("KeyCount"), Some(count.as_str()), "{query}");
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_a_gap() {
    let world = world().await;
    for delimiter in ["", "&delimiter=/"] {
        for encoding in ["", "&encoding-type=url"] {
            let whole = shown(&list(&world, &format!("list-type=2{delimiter}{encoding}")).await);
            for (way, next, parameter) in
                [("list-type=2&", "NextContinuationToken", "continuation-token"), ("", "NextMarker", "marker")]
            {
                let mut found = Vec::new();
                let mut marker = String::new();
                loop {
                    let page =
                        list(&world, &format!("{way}max-keys=2{delimiter}{encoding}&{parameter}={marker}")).await;
                    found.extend(shown(&page).split_inclusive(' ').map(|name| name.trim_end().to_owned()));
                    let Some(next) = page.child_text(next) else { break };
                    assert_eq!(page.child_text("IsTruncated"), Some("true"));
                    // A client decodes what it asked to be encoded, and encodes it again in its next URL.
                    let decoded = if encoding.is_empty() { next.to_owned() } else { decode_path(next).expect("UTF-8") };
                    marker = oss_valet::oss::encoding::encode_component(&decoded);
                }
                let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
                let mut whole: Vec<&str> = whole.split(' ').collect();
                found.sort_unstable();
                whole.sort_unstable();
                assert_eq!(found, whole, "{way}{delimiter}{encoding}");
            }
        }
    }
}

#[tokio::test]
async fn an_entry_tells_all_that_sdks_ask_for() {
    let world = world().await;
    world.call(request("POST", "log", "append&position=0", &[]), "x").await;
    world.call(request("PUT", "link", "symlink", &[("x-oss-symlink-target", "log")]), "").await;
    let plain = list(&world, "list-type=2&prefix=oss").await;
    let entry = plain.child("Contents").expect("an entry");
    let expected = [
        ("Key", "oss.jpg"),
        ("LastModified", "2026-01-01T00:00:00.000Z"),
        ("Type", "Normal"),
        ("Size", "7"),
        ("StorageClass", "Standard"),
    ];
    for (name, value) in expected {
        assert_eq!(entry.child_text(name), Some(value), "{name}");
    }
    let etag = header(&world.head("oss.jpg").await, "etag");
    assert_eq!(entry.child_text("ETag"), etag.as_deref());
    assert_eq!(entry.child("Owner"), None);
    let with_owner = list(&world, "list-type=2&prefix=oss&fetch-owner=true").await;
    assert!(with_owner.child("Contents").and_then(|entry| entry.child("Owner")).is_some());
    assert!(list(&world, "prefix=oss").await.child("Contents").and_then(|entry| entry.child("Owner")).is_some());
    assert_eq!(texts(&list(&world, "prefix=l").await, "Contents", "Type"), ["Symlink", "Appendable"]);
    let encoded = list(&world, "list-type=2&encoding-type=url&prefix=a%20b&delimiter=/").await;
    assert_eq!(texts(&encoded, "Contents", "Key"), ["a%20b%2Bc"]);
    let names = ["EncodingType", "Prefix", "Delimiter"].map(|name| encoded.child_text(name));
    assert_eq!(names, [Some("url"), Some("a%20b"), Some("%2F")]);
}

#[tokio::test]
async fn lists_are_refused_by_cause() {
    let world = world().await;
    let long = format!("list-type=2&prefix={}", "p".repeat(1024));
    let queries = [
        "list-type=3",
        "list-type=2&max-keys=0",
        "list-type=2&max-keys=1001",
        "max-keys=many",
        "encoding-type=base64",
        "list-type=2&continuation-token=%2B%2B",
        &long,
        "uploads&max-uploads=1001",
    ];
    for query in queries {
        assert_eq!(
            outcome(world.call(request("GET", "", query, &[]), "").await).await,
            "400 InvalidArgument",
            "{query:.40}"
        );
    }
    assert_eq!(list(&world, "max-keys=1000").await.child_text("MaxKeys"), Some("1000"));
    assert_eq!(list(&world, "").await.child_text("MaxKeys"), Some("100"));
}

#[tokio::test]
async fn a_key_whose_newest_version_is_a_delete_marker_is_not_listed() {
    let world = World::with(|settings| settings.buckets[0].versioning = Versioning::Enabled).await;
    world.store("a", "1").await;
    world.store("b", "2").await;
    world.call(request("DELETE", "a", "", &[]), "").await;
    assert_eq!(shown(&list(&world, "list-type=2").await), "b");
}

async fn begin(world: &World, key: &str) -> String {
    let begun = xml(world.call(request("POST", key, "uploads", &[]), "").await).await;
    begun.child_text("UploadId").expect("an id").to_owned()
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_id() {
    let world = World::new().await;
    let mut ids = vec![begin(&world, "b").await, begin(&world, "b").await];
    ids.sort();
    world.clock.advance(chrono::TimeDelta::seconds(90));
    ids.insert(0, begin(&world, "a").await);
    ids.push(begin(&world, "dir/c d").await);
    let all = list(&world, "uploads").await;
    assert_eq!((all.name.as_str(), texts(&all, "Upload", "UploadId")), ("ListMultipartUploadsResult", ids.clone()));
    assert_eq!(texts(&all, "Upload", "Initiated")[..2], ["2026-01-01T00:01:30.000Z", "2026-01-01T00:00:00.000Z"]);
    let (mut found, mut query) = (Vec::new(), "uploads&max-uploads=1".to_owned());
    loop {
        let page = list(&world, &query).await;
        found.extend(texts(&page, "Upload", "UploadId"));
        if page.child_text("IsTruncated") != Some("true") {
            break;
        }
        let next = |name| page.child_text(name).expect("a marker").to_owned();
        let (key, id) = (next("NextKeyMarker"), next("NextUploadIdMarker"));
        query = format!("uploads&max-uploads=1&key-marker={key}&upload-id-marker={id}");
    }
    assert_eq!(found, ids);
    let after = list(&world, "uploads&key-marker=b").await;
    assert_eq!(texts(&after, "Upload", "Key"), ["dir/c d"], "without an id all of the key are past");
    let grouped = list(&world, "uploads&delimiter=/&encoding-type=url").await;
    assert_eq!(texts(&grouped, "CommonPrefixes", "Prefix"), ["dir%2F"]);
    assert_eq!(texts(&list(&world, "uploads&prefix=dir").await, "Upload", "Key"), ["dir/c d"]);
}

fn delete(query: &str, body: &str) -> SignableRequest {
    request("POST", "", query, &[("Content-MD5", &STANDARD.encode(Md5::digest(body)))])
}

#[tokio::test]
async fn many_objects_can_be_deleted_at_once() {
    let world = world().await;
    let body =
        "<Delete><Quiet>false</Quiet><Object><Key>a b+c</Key></Object><Object><Key>nothing</Key></Object></Delete>";
    let result = xml(world.call(delete("delete&encoding-type=url", body), body).await).await;
    assert_eq!(texts(&result, "Deleted", "Key"), ["a%20b%2Bc", "nothing"], "what is not there is deleted, too");
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>oss.jpg</Key></Object></Delete>";
    let answer = world.call(delete("delete", quiet), quiet).await;
    assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, ""));
    assert_eq!(world.keys(BUCKET).await, ["fun/1", "fun/movie/001.avi", "fun/movie/007.avi", "fun/test.jpg", "中"]);
}

#[tokio::test]
async fn deletions_at_once_are_refused_by_cause() {
    let world = world().await;
    let body = "<Delete><Object><Key>oss.jpg</Key></Object></Delete>";
    assert_eq!(outcome(world.call(request("POST", "", "delete", &[]), body).await).await, "400 MissingArgument");
    let other = delete("delete", "another body");
    assert_eq!(outcome(world.call(other, body).await).await, "400 InvalidDigest");
    let too_many = format!("<Delete>{}</Delete>", "<Object><Key>k</Key></Object>".repeat(1001));
    for (body, expected) in [
        ("<Delete></Delete>", "400 MalformedXML"),
        ("<Other/>", "400 MalformedXML"),
        ("no XML", "400 MalformedXML"),
        ("<Delete><Object></Object></Delete>", "400 UserKeyMustBeSpecified"),
        (&too_many, "400 MalformedXML"),
    ] {
        assert_eq!(outcome(world.call(delete("delete", body), body).await).await, expected, "{body:.50}");
    }
    assert_eq!(world.keys(BUCKET).await.len(), KEYS.len());
}

#[tokio::test]
async fn versions_are_deleted_at_once_as_one_by_one() {
    let world = World::with(|settings| settings.buckets[0].versioning = Versioning::Enabled).await;
    let version = header(&world.store("a", "1").await, "x-oss-version-id").expect("a version");
    let body = format!(
        "<Delete><Object><Key>a</Key></Object><Object><Key>a</Key><VersionId>{version}</VersionId></Object></Delete>"
    );
    let result = xml(world.call(delete("delete", &body), &body).await).await;
    let deleted: Vec<&Element> = result.children_named("Deleted").collect();
    assert_eq!(deleted[0].child_text("DeleteMarker"), Some("true"));
    let marker = deleted[0].child_text("DeleteMarkerVersionId").expect("a version").to_owned();
    assert_eq!((deleted[1].child_text("VersionId"), deleted[1].child("DeleteMarker")), (Some(version.as_str()), None));
    let body = format!("<Delete><Object><Key>a</Key><VersionId>{marker}</VersionId></Object></Delete>");
    let result = xml(world.call(delete("delete", &body), &body).await).await;
    assert_eq!(texts(&result, "Deleted", "DeleteMarkerVersionId"), [marker]);
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
}
