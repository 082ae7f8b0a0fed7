//! CopyObject and UploadPartCopy.

use oss_valet::{
    oss::{presign, request::SignatureVersion},
    simulator::{BucketSpec, Versioning},
};

use crate::{
    harness::{BOTH, BUCKET, World, header, ok, own, text, uploader},
    surface::{outcome, request, xml},
};

const TAGS: &str = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";

/// A bucket with a rich object `folder/source 中`.
async fn world() -> World {
    let world = World::with(|settings| {
        settings.buckets.push(BucketSpec::new("neighbour", "cn-hangzhou"));
        settings.min_part_bytes = 1;
    });
    let world = world.await;
    let headers = [
        ("Content-Type", "text/x-poem"),
        ("x-oss-meta-a", "1"),
        ("x-oss-tagging", "a=1"),
        ("x-oss-object-acl", "public-read"),
    ];
    assert_eq!(outcome(world.call(request("PUT", "folder/source 中", "", &headers), "123456789").await).await, "200");
    world
}

const SOURCE: &str = "/dev-media/folder%2Fsource%20%E4%B8%AD";

#[tokio::test]
async fn a_copy_has_the_bytes_and_by_default_the_metadata() {
    let world = world().await;
    for version in BOTH {
        for source in [SOURCE, "/dev-media/folder/source%20%E4%B8%AD", "dev-media/folder/source%20%E4%B8%AD"] {
            let copy = request("PUT", "copy", "", &[("x-oss-copy-source", source)]);
            let answer = ok(world.signed(version, copy)).await;
            let etag = header(&answer, "etag").expect("an ETag");
            let document = xml(answer).await;
            assert_eq!(
                (document.name.as_str(), document.child_text("ETag")),
                ("CopyObjectResult", Some(etag.as_str()))
            );
            assert_eq!(document.child_text("LastModified"), Some("2026-01-01T00:00:00.000Z"));
        }
    }
    assert_eq!(world.read("copy", "").await, "123456789");
    let head = world.head("copy").await;
    for (name, value) in [("content-type", "text/x-poem"), ("x-oss-meta-a", "1"), ("x-oss-tagging-count", "1")] {
        assert_eq!(header(&head, name).as_deref(), Some(value), "{name}");
    }
    assert!(world.read("copy", "acl").await.contains("<Grant>default</Grant>"), "an ACL is not copied");
}

#[tokio::test]
async fn directives_replace_metadata_and_tags() {
    let world = world().await;
    let replaced = [
        ("x-oss-copy-source", SOURCE),
        ("x-oss-metadata-directive", "REPLACE"),
        ("Content-Type", "text/x-new"),
        ("x-oss-meta-b", "2"),
        ("x-oss-tagging-directive", "Replace"),
        ("x-oss-tagging", "b=2&c=3"),
        ("x-oss-storage-class", "IA"),
    ];
    assert_eq!(outcome(world.call(request("PUT", "copy", "", &replaced), "").await).await, "200");
    let head = world.head("copy").await;
    let expected = [
        ("content-type", Some("text/x-new")),
        ("x-oss-meta-a", None),
        ("x-oss-meta-b", Some("2")),
        ("x-oss-tagging-count", Some("2")),
        ("x-oss-storage-class", Some("IA")),
    ];
    for (name, value) in expected {
        assert_eq!(header(&head, name).as_deref(), value, "{name}");
    }
}

#[tokio::test]
async fn onto_itself_only_the_metadata_change() {
    let world = world().await;
    let before = world.head("folder/source 中").await;
    let itself = [("x-oss-copy-source", SOURCE), ("x-oss-meta-new", "yes")];
    assert_eq!(outcome(world.call(request("PUT", "folder/source 中", "", &itself), "").await).await, "200");
    let head = world.head("folder/source 中").await;
    assert_eq!(header(&head, "etag"), header(&before, "etag"));
    assert_eq!(header(&head, "x-oss-meta-new").as_deref(), Some("yes"));
    assert_eq!(header(&head, "x-oss-meta-a"), None, "whatever the directive says");
    assert_eq!(world.read("folder/source 中", "").await, "123456789");
    world.call(request("POST", "log", "append&position=0", &[]), "abc").await;
    let log = [("x-oss-copy-source", "/dev-media/log"), ("x-oss-meta-new", "yes")];
    assert_eq!(outcome(world.call(request("PUT", "log", "", &log), "").await).await, "200");
    assert_eq!(header(&world.head("log").await, "x-oss-object-type").as_deref(), Some("Appendable"));
    let elsewhere = request("PUT", "log-copy", "", &log);
    assert_eq!(outcome(world.call(elsewhere, "").await).await, "400 OperationNotSupported", "it can't be copied");
}

#[tokio::test]
async fn a_copy_outlives_its_source_and_may_come_from_a_neighbour() {
    let world = world().await;
    let mut copy = request("PUT", "there", "", &[("x-oss-copy-source", SOURCE)]);
    copy.bucket = Some("neighbour".to_owned());
    assert_eq!(outcome(world.call(copy, "").await).await, "200");
    world.call(request("DELETE", "folder/source 中", "", &[]), "").await;
    let back = request("PUT", "back", "", &[("x-oss-copy-source", "/neighbour/there")]);
    assert_eq!(outcome(world.call(back, "").await).await, "200");
    assert_eq!(world.read("back", "").await, "123456789");
}

#[tokio::test]
async fn a_link_is_copied_as_a_link() {
    let world = world().await;
    let link = request("PUT", "link", "symlink", &[("x-oss-symlink-target", "target")]);
    assert_eq!(outcome(world.call(link, "").await).await, "200");
    let copy = request("PUT", "copy", "", &[("x-oss-copy-source", "/dev-media/link")]);
    assert_eq!(outcome(world.call(copy, "").await).await, "200");
    let link = world.call(request("GET", "copy", "symlink", &[]), "").await;
    assert_eq!(header(&link, "x-oss-symlink-target").as_deref(), Some("target"));
}

#[tokio::test]
async fn copies_are_refused_by_cause() {
    let world = world().await;
    world.store("there", "x").await;
    world.call(request("PUT", "frozen", "", &[("x-oss-storage-class", "Archive")]), "x").await;
    let etag = header(&world.head("there").await, "etag").expect("an ETag");
    let from = |source: &'static str| vec![("x-oss-copy-source", source)];
    let with = |name: &'static str, value: &'static str| vec![("x-oss-copy-source", "/dev-media/there"), (name, value)];
    let cases = [
        ("no key", from("/dev-media"), "400 InvalidArgument"),
        ("an empty key", from("/dev-media/"), "400 InvalidArgument"),
        ("a source that is not UTF-8", from("/dev-media/%FF"), "400 InvalidArgument"),
        ("a missing source", from("/dev-media/nothing"), "404 NoSuchKey"),
        ("a missing bucket", from("/nobody/there"), "404 NoSuchBucket"),
        ("a bucket of another region", from("/dev-archive/there"), "403 AccessDenied"),
        ("a missing version", from("/dev-media/there?versionId=abc"), "404 NoSuchVersion"),
        ("an archived source", from("/dev-media/frozen"), "403 InvalidObjectState"),
        ("a directive that is none", with("x-oss-metadata-directive", "MOVE"), "400 InvalidArgument"),
        ("a tagging directive that is none", with("x-oss-tagging-directive", "Move"), "400 InvalidArgument"),
        ("a target in the way", with("x-oss-forbid-overwrite", "true"), "409 FileAlreadyExists"),
        ("another ETag", with("x-oss-copy-source-if-match", "\"A\""), "412 PreconditionFailed"),
        (
            "a later change",
            with("x-oss-copy-source-if-unmodified-since", "Wed, 31 Dec 2025 23:59:59 GMT"),
            "412 PreconditionFailed",
        ),
        ("no change since", with("x-oss-copy-source-if-modified-since", "2026-01-01T00:00:00.000Z"), "304"),
    ];
    for (description, headers, expected) in cases {
        let copy = request("PUT", "there", "", &headers);
        assert_eq!(outcome(world.call(copy, "").await).await, expected, "{description}");
    }
    for (name, expected) in [("x-oss-copy-source-if-match", "200"), ("x-oss-copy-source-if-none-match", "304")] {
        let copy = request("PUT", "other", "", &[("x-oss-copy-source", "/dev-media/there"), (name, &etag)]);
        assert_eq!(outcome(world.call(copy, "").await).await, expected, "{name}");
    }
    let copy = request("PUT", "other", "", &[("x-oss-copy-source", SOURCE)]);
    assert_eq!(outcome(world.call_as(&uploader(), copy, "").await).await, "403 AccessDenied", "tags it may not read");
    let copy = request("PUT", "other", "", &[("x-oss-copy-source", "/dev-media/there")]);
    assert_eq!(
        outcome(world.call_as(&uploader(), copy, "").await).await,
        "403 AccessDenied",
        "a source it may not read"
    );
}

#[tokio::test]
async fn a_named_version_can_be_copied_back() {
    let world = World::with(|settings| settings.buckets[0].versioning = Versioning::Enabled).await;
    let first = header(&world.store("a", "one").await, "x-oss-version-id").expect("a version");
    world.store("a", "two").await;
    let source = format!("/dev-media/a?versionId={first}");
    let answer = world.call(request("PUT", "a", "", &[("x-oss-copy-source", &source)]), "").await;
    assert_eq!(header(&answer, "x-oss-copy-source-version-id").as_deref(), Some(first.as_str()));
    let newest = header(&answer, "x-oss-version-id").expect("a version");
    assert_ne!(newest, first);
    assert_eq!(world.read("a", "").await, "one");
    let deleted = world.call(request("DELETE", "a", "", &[]), "").await;
    let marker = header(&deleted, "x-oss-version-id").expect("a version");
    let source = format!("/dev-media/a?versionId={marker}");
    let copy = request("PUT", "b", "", &[("x-oss-copy-source", &source)]);
    assert_eq!(outcome(world.call(copy, "").await).await, "404 NoSuchKey", "a delete marker is no object");
}

#[tokio::test]
async fn parts_can_be_copied() {
    let world = world().await;
    let begun = xml(world.call(request("POST", "joined", "uploads", &[]), "").await).await;
    let id = begun.child_text("UploadId").expect("an id").to_owned();
    let part = |number: u32, headers: &[(&str, &str)]| {
        request("PUT", "joined", &format!("partNumber={number}&uploadId={id}"), headers)
    };
    let copied =
        world.call(part(1, &[("x-oss-copy-source", SOURCE), ("x-oss-copy-source-range", "bytes=2-4")]), "").await;
    let etag = header(&copied, "etag").expect("an ETag");
    let document = xml(copied).await;
    assert_eq!((document.name.as_str(), document.child_text("ETag")), ("CopyPartResult", Some(etag.as_str())));
    assert_eq!(outcome(world.call(part(2, &[("x-oss-copy-source", SOURCE)]), "").await).await, "200");
    let beyond = part(3, &[("x-oss-copy-source", SOURCE), ("x-oss-copy-source-range", "bytes=2-40")]);
    assert_eq!(outcome(world.call(beyond, "").await).await, "400 InvalidArgument");
    let complete = presign::complete_multipart_upload(BUCKET, "joined", &id, own(&[("x-oss-complete-all", "yes")]));
    ok(world.signed(SignatureVersion::V1, complete)).await;
    assert_eq!(world.read("joined", "").await, "345123456789");
    let copy = request("PUT", "copy", "", &[("x-oss-copy-source", "/dev-media/joined")]);
    assert_eq!(outcome(world.call(copy, "").await).await, "200");
    assert_eq!(header(&world.head("copy").await, "etag"), header(&world.head("joined").await, "etag"));
    assert_eq!(text(world.call(request("GET", "copy", "", &[]), "").await).await, "345123456789");
}

#[tokio::test]
async fn tags_set_later_are_copied_as_well() {
    let world = world().await;
    world.store("plain", "x").await;
    assert_eq!(outcome(world.call(request("PUT", "plain", "tagging", &[]), TAGS).await).await, "200");
    world.call(request("PUT", "copy", "", &[("x-oss-copy-source", "/dev-media/plain")]), "").await;
    assert!(world.read("copy", "tagging").await.contains("<Key>a</Key>"));
}
