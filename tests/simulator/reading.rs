//! Conditions of GET and HEAD, GetObjectMeta, links.

use oss_valet::simulator::Versioning;

use crate::{
    harness::{World, header, refusal, text},
    surface::{outcome, request},
};

#[tokio::test]
async fn conditions_decide_between_200_304_and_412() {
    let world = World::new().await;
    world.store("a", "123456789").await;
    let etag = header(&world.head("a").await, "etag").expect("an ETag");
    let bare = etag.trim_matches('"');
    let (before, then, after) =
        ("Wed, 31 Dec 2025 23:59:59 GMT", "Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:01 GMT");
    let cases: [(&[(&str, &str)], u16); 16] = [
        (&[("If-Match", &etag)], 200),
        (&[("If-Match", bare)], 200),
        (&[("If-Match", "*")], 200),
        (&[("If-Match", "\"A\"")], 412),
        (&[("If-None-Match", &etag)], 304),
        (&[("If-None-Match", bare)], 304),
        (&[("If-None-Match", "\"A\"")], 200),
        (&[("If-Modified-Since", before)], 200),
        (&[("If-Modified-Since", then)], 304),
        (&[("If-Modified-Since", after)], 304),
        (&[("If-Modified-Since", "yesterday")], 200),
        (&[("If-Unmodified-Since", before)], 412),
        (&[("If-Unmodified-Since", then)], 200),
        (&[("If-Unmodified-Since", after)], 200),
        (&[("If-Match", "\"A\""), ("If-None-Match", &etag)], 412),
        (&[("If-Match", &etag), ("If-Modified-Since", then)], 304),
    ];
    for (headers, expected) in cases {
        for method in ["GET", "HEAD"] {
            let answer = world.call(request(method, "a", "", headers), "").await;
            assert_eq!(answer.status(), expected, "{method} {headers:?}");
            match expected {
                304 => {
                    assert_eq!(header(&answer, "etag").as_deref(), Some(etag.as_str()));
                    assert_eq!(text(answer).await, "", "{method} {headers:?}");
                }
                412 => assert_eq!(refusal(answer).await.summary(), "412 PreconditionFailed", "{method} {headers:?}"),
                _ => assert_eq!(header(&answer, "content-length").as_deref(), Some("9")),
            }
        }
    }
    let part = world.call(request("GET", "a", "", &[("If-Match", &etag), ("Range", "bytes=0-1")]), "").await;
    assert_eq!((part.status().as_u16(), text(part).await.as_str()), (206, "12"));
}

#[tokio::test]
async fn object_meta_tells_no_metadata() {
    let world = World::new().await;
    let headers = [("Content-Type", "text/x-poem"), ("x-oss-meta-a", "1"), ("x-oss-tagging", "a=1")];
    world.call(request("PUT", "a", "", &headers), "123456789").await;
    let meta = world.call(request("HEAD", "a", "objectMeta", &[]), "").await;
    let expected = [
        ("etag", Some("\"25F9E794323B453885F5181F1B624D0B\"")),
        ("content-length", Some("9")),
        ("last-modified", Some("Thu, 01 Jan 2026 00:00:00 GMT")),
        ("x-oss-meta-a", None),
        ("x-oss-object-type", None),
        ("x-oss-tagging-count", None),
        ("x-oss-version-id", None),
    ];
    for (name, value) in expected {
        assert_eq!(header(&meta, name).as_deref(), value, "{name}");
    }
    let got = world.call(request("GET", "a", "objectMeta", &[]), "").await;
    assert_eq!(header(&got, "etag"), header(&meta, "etag"));
    assert_eq!(text(got).await, "");
    for (key, query, expected) in
        [("nothing", "objectMeta", "404 NoSuchKey"), ("a", "objectMeta&versionId=x", "404 NoSuchVersion")]
    {
        assert_eq!(outcome(world.call(request("HEAD", key, query, &[]), "").await).await, expected);
    }
}

#[tokio::test]
async fn a_link_shows_its_own_metadata_and_its_targets_bytes() {
    let world = World::new().await;
    world.call(request("PUT", "target", "", &[("x-oss-meta-a", "target")]), "123456789").await;
    world.clock.advance(chrono::TimeDelta::minutes(1));
    let link = [("x-oss-symlink-target", "target"), ("x-oss-meta-a", "link")];
    let put = world.call(request("PUT", "link", "symlink", &link), "").await;
    let own_etag = header(&put, "etag").expect("an ETag");
    let head = world.head("link").await;
    let expected = [
        ("x-oss-object-type", "Symlink"),
        ("x-oss-meta-a", "link"),
        ("content-length", "9"),
        ("etag", "\"25F9E794323B453885F5181F1B624D0B\""),
        ("last-modified", "Thu, 01 Jan 2026 00:01:00 GMT"),
    ];
    for (name, value) in expected {
        assert_eq!(header(&head, name).as_deref(), Some(value), "{name}");
    }
    world.clock.advance(chrono::TimeDelta::minutes(1));
    world.store("target", "new").await;
    let later = header(&world.head("link").await, "last-modified");
    assert_eq!(later.as_deref(), Some("Thu, 01 Jan 2026 00:02:00 GMT"), "whichever is later");
    let meta = world.call(request("HEAD", "link", "objectMeta", &[]), "").await;
    assert_eq!(header(&meta, "etag").as_deref(), Some(own_etag.as_str()), "of the link itself");
    assert_eq!(outcome(world.call(request("GET", "target", "symlink", &[]), "").await).await, "400 NotSymlink");
    world.call(request("PUT", "link2", "symlink", &[("x-oss-symlink-target", "link")]), "").await;
    assert_eq!(outcome(world.head("link2").await).await, "400 InvalidTargetType", "a link to a link");
    let public = request("PUT", "link", "acl", &[("x-oss-object-acl", "public-read")]);
    assert_eq!(outcome(world.call(public, "").await).await, "200");
    assert_eq!(outcome(world.anonymous("link").await).await, "403 AccessDenied", "the target is private still");
    world.call(request("PUT", "target", "acl", &[("x-oss-object-acl", "public-read")]), "").await;
    assert_eq!(text(world.anonymous("link").await).await, "new");
}

#[tokio::test]
async fn a_delete_marker_says_that_it_is_one() {
    let world = World::with(|settings| settings.buckets[0].versioning = Versioning::Enabled).await;
    world.store("a", "x").await;
    let deleted = world.call(request("DELETE", "a", "", &[]), "").await;
    let marker = header(&deleted, "x-oss-version-id").expect("a version");
    let hidden = world.call(request("GET", "a", "", &[]), "").await;
    assert_eq!(header(&hidden, "x-oss-delete-marker").as_deref(), Some("true"));
    assert_eq!(header(&hidden, "x-oss-version-id").as_deref(), Some(marker.as_str()));
    assert_eq!(outcome(hidden).await, "404 NoSuchKey");
    let named = world.call(request("GET", "a", &format!("versionId={marker}"), &[]), "").await;
    assert_eq!(header(&named, "allow").as_deref(), Some("DELETE"));
    assert_eq!(outcome(named).await, "405 MethodNotAllowed");
    let removed = world.call(request("DELETE", "a", &format!("versionId={marker}"), &[]), "").await;
    assert_eq!(header(&removed, "x-oss-delete-marker").as_deref(), Some("true"));
    assert_eq!(world.read("a", "").await, "x", "it is back");
}
