//! AppendObject.

use oss_valet::simulator::Versioning;

use crate::{
    harness::{BUCKET, DIGITS_CRC, World, header, refusal, uploader},
    surface::{outcome, request},
};

async fn append(world: &World, key: &str, position: &str, body: &str) -> reqwest::Response {
    world.call(request("POST", key, &format!("append&position={position}"), &[]), body).await
}

#[tokio::test]
async fn appends_grow_one_object() {
    let world = World::new().await;
    let first = request("POST", "log", "append&position=0", &[("Content-Type", "text/x-log"), ("x-oss-meta-a", "1")]);
    let first = world.call(first, "1234").await;
    assert_eq!(header(&first, "x-oss-next-append-position").as_deref(), Some("4"));
    let second = append(&world, "log", "4", "56789").await;
    assert_eq!(header(&second, "x-oss-next-append-position").as_deref(), Some("9"));
    assert_eq!(header(&second, "x-oss-hash-crc64ecma").as_deref(), Some(DIGITS_CRC), "of the whole");
    assert_ne!(header(&first, "etag"), header(&second, "etag"));
    let nothing = append(&world, "log", "9", "").await;
    assert_eq!(header(&nothing, "etag"), header(&second, "etag"), "an empty append changes nothing");
    assert_eq!(world.read("log", "").await, "123456789");
    let head = world.head("log").await;
    let expected = [
        ("x-oss-object-type", Some("Appendable")),
        ("x-oss-next-append-position", Some("9")),
        ("x-oss-hash-crc64ecma", Some(DIGITS_CRC)),
        ("content-type", Some("text/x-log")),
        ("x-oss-meta-a", Some("1")),
        ("content-md5", None),
        ("x-oss-version-id", None),
    ];
    for (name, value) in expected {
        assert_eq!(header(&head, name).as_deref(), value, "{name}");
    }
    assert_eq!(header(&head, "etag"), header(&second, "etag"));
    let range = world.call(request("GET", "log", "", &[("Range", "bytes=3-5")]), "").await;
    assert_eq!(crate::harness::text(range).await, "456", "across the seam");
}

#[tokio::test]
async fn appends_survive_a_restart() {
    let world = World::new().await;
    append(&world, "log", "0", "a").await;
    append(&world, "log", "1", "b").await;
    let world = World::in_folder(world.stop().await, |_| ()).await;
    assert_eq!(outcome(append(&world, "log", "2", "c").await).await, "200");
    assert_eq!(world.read("log", "").await, "abc");
}

#[tokio::test]
async fn a_wrong_append_is_refused_and_told_the_right_position() {
    let world = World::new().await;
    append(&world, "log", "0", "1234").await;
    world.store("normal", "x").await;
    for position in ["0", "3", "5"] {
        let refused = append(&world, "log", position, "x").await;
        assert_eq!(header(&refused, "x-oss-next-append-position").as_deref(), Some("4"), "{position}");
        assert!(header(&refused, "x-oss-hash-crc64ecma").is_some());
        assert_eq!(outcome(refused).await, "409 PositionNotEqualToLength", "{position}");
    }
    let cases = [
        ("a beginning elsewhere", "new", "append&position=7", "409 PositionNotEqualToLength"),
        ("a normal object", "normal", "append&position=1", "409 ObjectNotAppendable"),
        ("no position", "log", "append", "400 MissingArgument"),
        ("a position that is none", "log", "append&position=end", "400 InvalidArgument"),
        ("a negative position", "log", "append&position=-1", "400 InvalidArgument"),
    ];
    for (description, key, query, expected) in cases {
        assert_eq!(outcome(world.call(request("POST", key, query, &[]), "x").await).await, expected, "{description}");
    }
    let wrong_md5 = request("POST", "log", "append&position=4", &[("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")]);
    assert_eq!(outcome(world.call(wrong_md5, "x").await).await, "400 InvalidDigest");
    let wrong_crc = request("POST", "log", "append&position=4", &[("x-oss-hash-crc64ecma", "1")]);
    assert_eq!(outcome(world.call(wrong_crc, "x").await).await, "400 InvalidCRC64");
    let missing = refusal(world.call(request("POST", "log", "append", &[]), "x").await).await;
    assert_eq!(missing.document.ec.as_deref(), Some("0016-00000501"));
    assert_eq!(world.read("log", "").await, "1234", "nothing was appended");
    assert_eq!(world.keys(BUCKET).await, ["log", "normal"]);
}

#[tokio::test]
async fn of_appends_at_the_same_position_one_wins() {
    let world = World::new().await;
    for round in 0..5 {
        let key = format!("log-{round}");
        let position = if round == 0 { "0" } else { "1" };
        if round > 0 {
            append(&world, &key, "0", "x").await;
        }
        let both =
            futures_util::future::join(append(&world, &key, position, "ab"), append(&world, &key, position, "cd"));
        let (one, other) = both.await;
        let mut outcomes = [outcome(one).await, outcome(other).await];
        outcomes.sort();
        assert_eq!(outcomes, ["200", "409 PositionNotEqualToLength"], "{key}");
    }
}

#[tokio::test]
async fn where_versions_are_known_an_appended_object_is_the_null_version() {
    for versioning in [Versioning::Enabled, Versioning::Suspended] {
        let world = World::with(|settings| settings.buckets[0].versioning = versioning).await;
        let first = append(&world, "log", "0", "a").await;
        assert_eq!(header(&first, "x-oss-version-id").as_deref(), Some("null"), "{versioning:?}");
        let second = append(&world, "log", "1", "b").await;
        assert_eq!(header(&second, "x-oss-version-id").as_deref(), Some("null"), "{versioning:?}");
        assert_eq!(world.read("log", "versionId=null").await, "ab");
        world.call(request("DELETE", "log", "", &[]), "").await;
        assert_eq!(outcome(append(&world, "log", "0", "c").await).await, "409 ObjectNotAppendable", "a delete marker");
    }
}

#[tokio::test]
async fn appending_needs_put_object_and_more_for_acl_and_tags() {
    let world = World::new().await;
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[], "200"),
        (&[("x-oss-object-acl", "public-read")], "403 AccessDenied"),
        (&[("x-oss-tagging", "a=1")], "403 AccessDenied"),
    ];
    for (headers, expected) in cases {
        let append = request("POST", "of-uploader", "append&position=0", headers);
        assert_eq!(outcome(world.call_as(&uploader(), append, "").await).await, expected, "{headers:?}");
    }
}
