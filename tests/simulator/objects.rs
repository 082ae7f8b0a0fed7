//! PUT, GET, HEAD, DELETE and symlinks.

use oss_valet::oss::{
    endpoint::{AddressingStyle, Endpoint},
    presign::{self, SigningContext},
    request::{SignableRequest, SignatureVersion},
};

use crate::harness::{
    BOTH, BUCKET, DIGITS_CRC, VERSIONED, World, header, ok, own, owner, refusal, send, session, text,
};

#[tokio::test]
async fn what_is_put_can_be_read_back_with_both_versions_in_header_and_query() {
    let world = World::new().await;
    for version in BOTH {
        let headers = own(&[
            ("Content-Type", "text/x-poem"),
            ("Cache-Control", "no-cache"),
            ("x-oss-meta-Author", "wáng"),
            ("Content-Disposition", "attachment"),
        ]);
        let key = "folder/a b+c%2F中.txt";
        let put = presign::put_object(BUCKET, key, headers);
        let stored = ok(world.signed(version, put).body("123456789")).await;
        assert_eq!(header(&stored, "etag").as_deref(), Some("\"25F9E794323B453885F5181F1B624D0B\""));
        assert_eq!(header(&stored, "x-oss-hash-crc64ecma").as_deref(), Some(DIGITS_CRC));
        assert_eq!(header(&stored, "server").as_deref(), Some("AliyunOSS"));
        for key_of in [owner(), session()] {
            let head = ok(world.presigned_by(&key_of, version, presign::head_object(BUCKET, key))).await;
            let expected = [
                ("content-length", "9"),
                ("content-type", "text/x-poem"),
                ("cache-control", "no-cache"),
                ("x-oss-meta-author", "wáng"),
                ("content-disposition", "attachment"),
                ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw=="),
                ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
                ("x-oss-object-type", "Normal"),
            ];
            for (name, value) in expected {
                assert_eq!(header(&head, name).as_deref(), Some(value), "{version:?} {name}");
            }
            let got = ok(world.signed_by(&key_of, version, presign::get_object(BUCKET, key))).await;
            assert_eq!(text(got).await, "123456789", "{version:?}");
        }
        let gone = ok(world.signed(version, SignableRequest::object("DELETE", BUCKET, key))).await;
        assert_eq!(gone.status(), 204);
        assert_eq!(refusal(world.head(key).await).await.summary(), "404 NoSuchKey");
    }
}

#[tokio::test]
async fn a_range_is_answered_with_206() {
    let world = World::new().await;
    world.store("digits", "123456789").await;
    let get = || world.signed(SignatureVersion::V4, presign::get_object(BUCKET, "digits"));
    let part = ok(get().header("range", "bytes=2-4")).await;
    assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, Some("bytes 2-4/9".to_owned())));
    assert_eq!(text(part).await, "345");
    let whole = ok(get().header("range", "bytes=20-30")).await;
    assert_eq!(whole.status(), 200, "OSS ignores a range it can't serve");
}

#[tokio::test]
async fn response_headers_can_be_replaced_in_a_signed_url() {
    let world = World::new().await;
    world.store("a", "x").await;
    let mut get = presign::get_object(BUCKET, "a");
    get.query = own(&[("response-content-type", "text/html"), ("response-cache-control", "no-store")]);
    for version in BOTH {
        let got = ok(world.presigned_by(&owner(), version, get.clone())).await;
        assert_eq!(header(&got, "content-type").as_deref(), Some("text/html"));
        assert_eq!(header(&got, "cache-control").as_deref(), Some("no-store"));
    }
}

#[tokio::test]
async fn a_symlink_shows_as_one_and_reads_as_its_target() {
    let world = World::new().await;
    world.store("target file", "content").await;
    let mut put = presign::put_object(BUCKET, "link", own(&[("x-oss-symlink-target", "target%20file")]));
    put.query = own(&[("symlink", "")]);
    ok(world.signed(SignatureVersion::V4, put.clone())).await;
    let head = world.head("link").await;
    assert_eq!(header(&head, "x-oss-object-type").as_deref(), Some("Symlink"));
    assert_eq!(header(&head, "content-length").as_deref(), Some("7"));
    put.method = "GET".to_owned();
    put.headers.clear();
    let read = ok(world.signed(SignatureVersion::V1, put)).await;
    assert_eq!(header(&read, "x-oss-symlink-target").as_deref(), Some("target%20file"));
    ok(world.signed(SignatureVersion::V4, SignableRequest::object("DELETE", BUCKET, "target file"))).await;
    assert_eq!(refusal(world.head("link").await).await.document.code, "SymlinkTargetNotExist");
}

/// A context for the versioned bucket, whose region is another.
fn beijing<'a>(
    world: &World,
    endpoint: &'a Endpoint,
    key: &'a oss_valet::oss::access_key::AccessKey,
) -> SigningContext<'a> {
    let version = SignatureVersion::V4;
    SigningContext { version, endpoint, region: "cn-beijing", key, signing_key: None, now: world.now() }
}

#[tokio::test]
async fn versions_are_kept_and_a_delete_only_marks() {
    let world = World::new().await;
    let key = owner();
    let sign = |request| world.request(&presign::sign_headers(request, &[], &beijing(&world, &world.endpoint, &key)));
    let put = |forbid: bool| {
        let headers = if forbid { own(&[("x-oss-forbid-overwrite", "true")]) } else { vec![] };
        presign::put_object(VERSIONED, "a", headers)
    };
    let first = header(&ok(sign(put(false)).body("one")).await, "x-oss-version-id").expect("a version");
    let second = header(&ok(sign(put(true)).body("two")).await, "x-oss-version-id").expect("a version");
    assert_ne!(first, second, "forbid-overwrite has no effect with versioning");
    let mut old = presign::get_object(VERSIONED, "a");
    old.query = own(&[("versionId", &first)]);
    assert_eq!(text(ok(sign(old)).await).await, "one");
    let deleted = ok(sign(SignableRequest::object("DELETE", VERSIONED, "a"))).await;
    assert_eq!(header(&deleted, "x-oss-delete-marker").as_deref(), Some("true"));
    assert_eq!(refusal(send(sign(presign::get_object(VERSIONED, "a"))).await).await.document.code, "NoSuchKey");
    let mut still = presign::get_object(VERSIONED, "a");
    still.query = own(&[("versionId", &second)]);
    assert_eq!(text(ok(sign(still)).await).await, "two");
}

#[tokio::test]
async fn every_address_style_reaches_the_object() {
    let world = World::new().await;
    let key = owner();
    let by_host = |host: &str, request: &SignableRequest, path: &str| {
        let signed = presign::sign_headers(request.clone(), &[], &beijing(&world, &world.endpoint, &key));
        let url = format!("{}{path}", world.url);
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).expect("a method");
        let headers = signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
        headers
            .fold(world.client.request(method, url), |request, (name, value)| request.header(name, value))
            .header("host", host)
    };
    let put = presign::put_object(VERSIONED, "x/y z", vec![]);
    for (host, path) in [
        ("127.0.0.1", "/dev-archive/x/y%20z"),
        ("127.0.0.1", "/dev-archive/x%2Fy%20z"),
        ("dev-archive.oss-cn-beijing.aliyuncs.com", "/x/y%20z"),
        ("dev-archive.localhost", "/x%2fy%20z"),
        ("media.example.com", "/x/y%20z"),
    ] {
        ok(by_host(host, &put, path).body(host.to_owned())).await;
        let get = presign::get_object(VERSIONED, "x/y z");
        assert_eq!(text(ok(by_host(host, &get, path)).await).await, host, "{path}");
    }
    assert_eq!(world.keys(VERSIONED).await, ["x/y z"]);
    assert!(Endpoint::parse(&world.url, AddressingStyle::Path).is_ok());
}

#[tokio::test]
async fn the_admin_surface_stores_without_a_signature() {
    let world = World::new().await;
    let url = format!("{}/-/objects/{BUCKET}/raw%20key", world.url);
    ok(world.client.put(url).header("content-type", "image/png").body("x")).await;
    assert_eq!(header(&world.head("raw key").await, "content-type").as_deref(), Some("image/png"));
    assert_eq!(world.keys(BUCKET).await, ["raw key"]);
}
