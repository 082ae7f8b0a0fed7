//! ACLs, tags, storage classes, encryption, persistent headers.

use oss_valet::{
    oss::{post_policy::Condition, request::SignatureVersion},
    simulator::{Acl, StorageClass},
};

use crate::{
    harness::{Form, World, header, refusal, text, uploader},
    surface::{outcome, request, texts, xml},
};

fn tagging(tags: &[(&str, &str)]) -> String {
    let tag = |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.iter().map(tag).collect::<String>())
}

#[tokio::test]
async fn what_is_public_can_be_read_without_a_signature() {
    let world = World::new().await;
    world.store("a", "x").await;
    assert!(world.read("a", "acl").await.contains("<Grant>default</Grant>"));
    assert_eq!(outcome(world.anonymous("a").await).await, "403 AccessDenied");
    for (acl, expected) in [
        ("public-read", "200"),
        ("private", "403 AccessDenied"),
        ("public-read-write", "200"),
        ("default", "403 AccessDenied"),
    ] {
        let set = request("PUT", "a", "acl", &[("x-oss-object-acl", acl)]);
        assert_eq!(outcome(world.call(set, "").await).await, "200", "{acl}");
        assert_eq!(outcome(world.anonymous("a").await).await, expected, "{acl}");
        let policy = xml(world.call(request("GET", "a", "acl", &[]), "").await).await;
        assert_eq!(texts(&policy, "AccessControlList", "Grant"), [acl]);
        let by_uploader = world.call_as(&uploader(), request("GET", "a", "", &[]), "").await;
        assert_eq!(
            outcome(by_uploader).await,
            expected,
            "{acl}: what everybody may, a credential without GetObject may"
        );
    }
    assert_eq!(outcome(world.anonymous("nothing").await).await, "403 AccessDenied", "nobody learns what is not there");
    world.call(request("PUT", "b", "", &[("x-oss-object-acl", "public-read")]), "y").await;
    assert_eq!(text(world.anonymous("b").await).await, "y", "an ACL on upload");
    let overridden = world.anonymous("b?response-content-type=text/html").await;
    assert_eq!(outcome(overridden).await, "400 InvalidRequest");
}

#[tokio::test]
async fn an_object_without_an_acl_has_its_buckets() {
    let world = World::with(|settings| settings.buckets[0].acl = Acl::PublicRead).await;
    world.store("a", "x").await;
    assert_eq!(outcome(world.anonymous("a").await).await, "200");
    assert_eq!(outcome(world.anonymous("").await).await, "200", "the list of a public bucket is public");
    assert_eq!(outcome(world.anonymous("nothing").await).await, "404 NoSuchKey");
    world.call(request("PUT", "b", "", &[("x-oss-object-acl", "private")]), "y").await;
    assert_eq!(outcome(world.anonymous("b").await).await, "403 AccessDenied");
}

#[tokio::test]
async fn acls_are_refused_by_cause() {
    let world = World::new().await;
    world.store("a", "x").await;
    let cases = [
        ("no such ACL", request("PUT", "a", "acl", &[("x-oss-object-acl", "secret")]), "400 InvalidArgument"),
        ("no ACL", request("PUT", "a", "acl", &[]), "400 MissingArgument"),
        ("no object", request("PUT", "nothing", "acl", &[("x-oss-object-acl", "private")]), "404 NoSuchKey"),
        ("no object to read", request("GET", "nothing", "acl", &[]), "404 NoSuchKey"),
        ("no version", request("GET", "a", "acl&versionId=x", &[]), "404 NoSuchVersion"),
        ("an empty version", request("GET", "a", "acl&versionId=", &[]), "400 InvalidArgument"),
    ];
    for (description, request, expected) in cases {
        assert_eq!(outcome(world.call(request, "").await).await, expected, "{description}");
    }
}

#[tokio::test]
async fn tags_come_with_the_upload_or_later() {
    let world = World::new().await;
    let put = request("PUT", "a", "", &[("x-oss-tagging", "k=v%201&empty&%E4%B8%AD=x")]);
    assert_eq!(outcome(world.call(put, "x").await).await, "200");
    let begun = request("POST", "b", "uploads", &[("x-oss-tagging", "k=v")]);
    assert_eq!(outcome(world.call(begun, "").await).await, "200");
    let document = xml(world.call(request("GET", "a", "tagging", &[]), "").await).await;
    let set = document.child("TagSet").expect("a set");
    assert_eq!(texts(set, "Tag", "Key"), ["k", "empty", "中"]);
    assert_eq!(texts(set, "Tag", "Value"), ["v 1", "", "x"]);
    let before = world.head("a").await;
    assert_eq!(header(&before, "x-oss-tagging-count").as_deref(), Some("3"));
    world.clock.advance(chrono::TimeDelta::minutes(1));
    let set = tagging(&[("new", "1")]);
    assert_eq!(outcome(world.call(request("PUT", "a", "tagging", &[]), &set).await).await, "200");
    let after = world.head("a").await;
    assert_eq!(header(&after, "x-oss-tagging-count").as_deref(), Some("1"));
    assert_eq!(header(&after, "last-modified"), header(&before, "last-modified"), "tags do not touch the date");
    assert_eq!(world.call(request("DELETE", "a", "tagging", &[]), "").await.status(), 204);
    assert_eq!(header(&world.head("a").await, "x-oss-tagging-count"), None);
    assert!(!world.read("a", "tagging").await.contains("<Tag>"));
}

#[tokio::test]
async fn tags_are_refused_by_cause() {
    let world = World::new().await;
    world.store("a", "x").await;
    let many: Vec<(String, String)> = (0..11).map(|number| (format!("k{number}"), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    let cases = [
        ("eleven", tagging(&many), "400 TooManyTags"),
        ("ten", tagging(&many[..10]), "200"),
        ("a key twice", tagging(&[("a", "1"), ("a", "2")]), "400 RepeatedTags"),
        ("a long key", tagging(&[(&long_key, "")]), "400 InvalidTag"),
        ("the longest key and value", tagging(&[(&long_key[1..], &long_value[1..])]), "200"),
        ("a long value", tagging(&[("k", &long_value)]), "400 InvalidTag"),
        ("a strange character", tagging(&[("k!", "v")]), "400 InvalidTag"),
        ("no XML", "tags".to_owned(), "400 MalformedXML"),
    ];
    for (description, body, expected) in cases {
        let put = request("PUT", "a", "tagging", &[]);
        assert_eq!(outcome(world.call(put, &body).await).await, expected, "{description}");
    }
    let header_tags = request("PUT", "a", "", &[("x-oss-tagging", "aa=bb=cc")]);
    let refused = refusal(world.call(header_tags, "x").await).await;
    assert_eq!(refused.summary(), "400 InvalidArgument");
    assert_eq!(refused.document.ec.as_deref(), Some("0010-00000219"));
    assert_eq!(
        outcome(world.call(request("PUT", "nothing", "tagging", &[]), &tagging(&[])).await).await,
        "404 NoSuchKey"
    );
}

#[tokio::test]
async fn a_form_brings_no_tags() {
    let world = World::new().await;
    let conditions = vec![Condition::Simple("x-oss-tagging".to_owned(), "a=1".to_owned())];
    let form = Form::new(&world, SignatureVersion::V4, "a", conditions, &[("x-oss-tagging", "a=1")]);
    let (content_type, body) = form.encode();
    let posted = world.client.post(format!("{}/dev-media", world.url)).header("content-type", content_type);
    let posted = crate::harness::send(posted.header("x-oss-tagging", "b=2").body(body)).await;
    assert_eq!(posted.status(), 204);
    assert_eq!(header(&world.head("a").await, "x-oss-tagging-count"), None);
}

#[tokio::test]
async fn storage_classes_are_kept_and_archives_closed() {
    let world = World::with(|settings| settings.buckets[0].storage_class = StorageClass::IA).await;
    world.store("default", "x").await;
    assert_eq!(header(&world.head("default").await, "x-oss-storage-class").as_deref(), Some("IA"), "the bucket's");
    for (class, expected) in [
        ("Standard", "200"),
        ("IA", "200"),
        ("Archive", "403 InvalidObjectState"),
        ("ColdArchive", "403 InvalidObjectState"),
        ("DeepColdArchive", "403 InvalidObjectState"),
    ] {
        let put = request("PUT", "a", "", &[("x-oss-storage-class", class)]);
        assert_eq!(outcome(world.call(put, "x").await).await, "200", "{class}");
        assert_eq!(header(&world.head("a").await, "x-oss-storage-class").as_deref(), Some(class));
        assert_eq!(outcome(world.call(request("GET", "a", "", &[]), "").await).await, expected, "{class}");
    }
    let unknown = request("PUT", "a", "", &[("x-oss-storage-class", "Glacier")]);
    assert_eq!(outcome(world.call(unknown, "x").await).await, "400 InvalidArgument");
}

#[tokio::test]
async fn encryption_is_repeated_by_every_answer() {
    let world = World::new().await;
    let kms = [("x-oss-server-side-encryption", "KMS"), ("x-oss-server-side-encryption-key-id", "9468da86")];
    let append = request("POST", "b", "append&position=0", &kms);
    let initiate = request("POST", "c", "uploads", &kms);
    for answer in [
        world.call(request("PUT", "a", "", &kms), "x").await,
        world.head("a").await,
        world.call(append, "x").await,
        world.call(initiate, "").await,
    ] {
        for (name, value) in kms {
            assert_eq!(header(&answer, name).as_deref(), Some(value), "{name}");
        }
    }
    let copy = [("x-oss-copy-source", "/dev-media/a"), ("x-oss-server-side-encryption", "AES256")];
    let copied = world.call(request("PUT", "d", "", &copy), "").await;
    assert_eq!(header(&copied, "x-oss-server-side-encryption").as_deref(), Some("AES256"));
    assert_eq!(
        header(&world.head("d").await, "x-oss-server-side-encryption-key-id"),
        None,
        "the source's is not taken over"
    );
    let unknown = request("PUT", "a", "", &[("x-oss-server-side-encryption", "ROT13")]);
    assert_eq!(outcome(world.call(unknown, "x").await).await, "400 InvalidEncryptionAlgorithmError");
}

#[tokio::test]
async fn persistent_headers_come_back_under_their_own_names() {
    let world = World::new().await;
    let headers = "myheader1:bXl2YWx1ZTE=,myheader2:bXl2YWx1ZTI=";
    world.call(request("PUT", "a", "", &[("x-oss-persistent-headers", headers)]), "x").await;
    let head = world.head("a").await;
    assert_eq!(header(&head, "myheader1").as_deref(), Some("myvalue1"));
    assert_eq!(header(&head, "myheader2").as_deref(), Some("myvalue2"));
    let reserved = request("PUT", "a", "", &[("x-oss-persistent-headers", "host:YQ==")]);
    assert_eq!(outcome(world.call(reserved, "x").await).await, "400 InvalidArgument");
}

#[tokio::test]
async fn the_request_may_bring_the_crc_of_its_body() {
    let world = World::new().await;
    for (crc, expected) in [(crate::harness::DIGITS_CRC, "200"), ("1", "400 InvalidCRC64")] {
        let put = request("PUT", "a", "", &[("x-oss-hash-crc64ecma", crc)]);
        assert_eq!(outcome(world.call(put, "123456789").await).await, expected, "{crc}");
    }
}
