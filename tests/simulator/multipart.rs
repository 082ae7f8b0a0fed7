//! Multipart uploads.

use oss_valet::oss::{
    callback::Callback,
    presign,
    request::{SignableRequest, SignatureVersion},
    xml::Element,
};

use crate::{
    harness::{BOTH, BUCKET, World, header, ok, own, owner, refusal, send, text},
    receiver::{GOOD_ANSWER, Receiver},
};

const KEY: &str = "big file";
const FULL: usize = 100 * 1024;

async fn initiate(world: &World, version: SignatureVersion, headers: &[(&str, &str)]) -> String {
    let request = presign::initiate_multipart_upload(BUCKET, KEY, own(headers));
    let xml = Element::parse(&text(ok(world.signed(version, request)).await).await).expect("XML");
    assert_eq!((xml.name.as_str(), xml.child_text("Key")), ("InitiateMultipartUploadResult", Some(KEY)));
    xml.child_text("UploadId").expect("an id").to_owned()
}

/// Uploads a part through a presigned URL; its `ETag` with quotes.
async fn part(world: &World, version: SignatureVersion, id: &str, number: u32, size: usize) -> String {
    let request = presign::upload_part(BUCKET, KEY, id, number);
    let body = vec![u8::try_from(number).expect("few parts"); size];
    let answer = ok(world.presigned_by(&owner(), version, request).body(body)).await;
    header(&answer, "etag").expect("an ETag")
}

fn completion(parts: &[(u32, &str)]) -> String {
    let parts =
        parts.iter().map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>())
}

fn complete(world: &World, id: &str, headers: &[(&str, &str)], body: String) -> reqwest::RequestBuilder {
    let request = presign::complete_multipart_upload(BUCKET, KEY, id, own(headers));
    world.signed(SignatureVersion::V4, request).body(body)
}

#[tokio::test]
async fn the_parts_become_one_object_in_their_order() {
    let world = World::new().await;
    for version in BOTH {
        let id = initiate(&world, version, &[("Content-Type", "video/mp4"), ("x-oss-meta-a", "1")]).await;
        let second = part(&world, version, &id, 2, 3).await;
        let replaced = part(&world, version, &id, 1, 7).await;
        let first = part(&world, version, &id, 1, FULL).await;
        assert_ne!(first, replaced);
        let listed = ok(world.signed(version, presign::list_parts(BUCKET, KEY, &id))).await;
        let listed = Element::parse(&text(listed).await).expect("XML");
        let numbers: Vec<_> = listed
            .children_named("Part")
            .map(|part| (part.child_text("PartNumber").expect("a number"), part.child_text("ETag").expect("an ETag")))
            .collect();
        assert_eq!(numbers, [("1", first.as_str()), ("2", second.as_str())]);
        let size_and_date = |name: &str| listed.children_named("Part").all(|part| part.child_text(name).is_some());
        assert!(size_and_date("Size") && size_and_date("LastModified"), "SDKs insist on both");
        assert_eq!(world.keys(BUCKET).await, Vec::<String>::new(), "nothing is visible yet");
        let answer = ok(complete(&world, &id, &[], completion(&[(1, &first), (2, &second)]))).await;
        let etag = header(&answer, "etag").expect("an ETag");
        assert!(etag.ends_with("-2\""), "{etag}");
        let head = world.head(KEY).await;
        let expected = [
            ("content-length", (FULL + 3).to_string()),
            ("content-type", "video/mp4".to_owned()),
            ("x-oss-meta-a", "1".to_owned()),
            ("x-oss-object-type", "Multipart".to_owned()),
            ("etag", etag),
        ];
        for (name, value) in expected {
            assert_eq!(header(&head, name), Some(value), "{name}");
        }
        assert_eq!(header(&head, "content-md5"), None, "OSS knows none of a multipart object");
        let bytes = ok(world.signed(version, presign::get_object(BUCKET, KEY))).await.bytes().await.expect("a body");
        assert_eq!((bytes[0], bytes[FULL - 1], bytes[FULL], bytes.len()), (1, 1, 2, FULL + 3));
        let again = complete(&world, &id, &[], completion(&[(1, &first), (2, &second)]));
        assert_eq!(refusal(send(again).await).await.summary(), "404 NoSuchUpload", "completed already");
        ok(world.signed(version, SignableRequest::object("DELETE", BUCKET, KEY))).await;
    }
}

#[tokio::test]
async fn complete_calls_back_about_the_whole_object() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let body = "size=${size}&etag=${etag}&md5=${contentMd5}&operation=${operation}".to_owned();
    let callback = Callback { urls: vec![receiver.url()], body, ..Callback::default() }.encode();
    let id = initiate(&world, SignatureVersion::V4, &[]).await;
    part(&world, SignatureVersion::V4, &id, 1, FULL).await;
    part(&world, SignatureVersion::V4, &id, 2, 3).await;
    let headers = [("x-oss-complete-all", "yes"), ("x-oss-callback", callback.as_str())];
    let answer = ok(complete(&world, &id, &headers, String::new())).await;
    let etag = header(&answer, "etag").expect("an ETag").replace('"', "");
    assert_eq!(text(answer).await, GOOD_ANSWER);
    let expected = format!("size={}&etag={etag}&md5=&operation=CompleteMultipartUpload", FULL + 3);
    assert_eq!(receiver.requests().remove(0).body, expected);
}

#[tokio::test]
async fn a_completion_that_does_not_fit_the_parts_is_refused() {
    let world = World::new().await;
    let id = initiate(&world, SignatureVersion::V4, &[]).await;
    let first = part(&world, SignatureVersion::V4, &id, 1, 3).await;
    let second = part(&world, SignatureVersion::V4, &id, 2, 3).await;
    let cases = [
        ("a part that is not there", completion(&[(1, &first), (3, &second)]), "400 InvalidPart"),
        ("another part's ETag", completion(&[(1, &second)]), "400 InvalidPart"),
        ("the wrong order", completion(&[(2, &second), (1, &first)]), "400 InvalidPartOrder"),
        ("a part twice", completion(&[(1, &first), (1, &first)]), "400 InvalidPartOrder"),
        ("no parts", completion(&[]), "400 MalformedXML"),
        ("no XML", "parts".to_owned(), "400 MalformedXML"),
        ("a small part before the last", completion(&[(1, &first), (2, &second)]), "400 EntityTooSmall"),
    ];
    for (description, body, expected) in cases {
        assert_eq!(refusal(send(complete(&world, &id, &[], body)).await).await.summary(), expected, "{description}");
    }
    let number = presign::upload_part(BUCKET, KEY, &id, 10_001);
    let refused = refusal(send(world.signed(SignatureVersion::V4, number).body("x")).await).await;
    assert_eq!(refused.summary(), "400 InvalidArgument");
    world.store(KEY, "there already").await;
    let protect = [("x-oss-forbid-overwrite", "true")];
    let refused = refusal(send(complete(&world, &id, &protect, completion(&[(2, &second)]))).await).await;
    assert_eq!(refused.summary(), "409 FileAlreadyExists");
    ok(complete(&world, &id, &[], completion(&[(2, &second)]))).await;
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let world = World::new().await;
    let id = initiate(&world, SignatureVersion::V4, &[]).await;
    part(&world, SignatureVersion::V4, &id, 1, 3).await;
    assert_eq!(world.content_files(), 1);
    let abort = || world.signed(SignatureVersion::V4, presign::abort_multipart_upload(BUCKET, KEY, &id));
    assert_eq!(ok(abort()).await.status(), 204);
    assert_eq!(refusal(send(abort()).await).await.summary(), "404 NoSuchUpload");
    for strange in ["../objects", "", "%2e%2e"] {
        let list = world.signed(SignatureVersion::V4, presign::list_parts(BUCKET, KEY, strange));
        assert_eq!(refusal(send(list).await).await.summary(), "404 NoSuchUpload", "{strange:?}");
    }
    assert_eq!(world.content_files(), 0, "its parts are gone with it");
}

#[tokio::test]
async fn part_limits_come_from_the_settings() {
    let world = World::with(|settings| {
        settings.min_part_bytes = 4;
        settings.max_part_number = 3;
    })
    .await;
    let id = initiate(&world, SignatureVersion::V4, &[]).await;
    for (number, size) in [(1, 4), (2, 3), (3, 1)] {
        part(&world, SignatureVersion::V4, &id, number, size).await;
    }
    let beyond = presign::upload_part(BUCKET, KEY, &id, 4);
    let refused = refusal(send(world.signed(SignatureVersion::V4, beyond).body("x")).await).await;
    assert_eq!(refused.summary(), "400 InvalidArgument");
    let all = [("x-oss-complete-all", "yes")];
    let refused = refusal(send(complete(&world, &id, &all, String::new())).await).await;
    assert_eq!(refused.summary(), "400 EntityTooSmall");
    let detail = |name: &str| refused.document.details.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str());
    assert_eq!(
        (detail("MinSizeAllowed"), detail("ProposedSize"), detail("PartNumber")),
        (Some("4"), Some("3"), Some("2"))
    );
    part(&world, SignatureVersion::V4, &id, 2, 4).await;
    ok(complete(&world, &id, &all, String::new())).await;
}

#[tokio::test]
async fn parts_are_listed_in_pages_and_dated_by_the_clock() {
    let world = World::new().await;
    let id = initiate(&world, SignatureVersion::V4, &[]).await;
    for number in [5, 1, 3] {
        part(&world, SignatureVersion::V4, &id, number, 2).await;
        world.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let list = async |query: &str| {
        let mut request = presign::list_parts(BUCKET, KEY, &id);
        request.query.extend(oss_valet::oss::encoding::decode_query(query).expect("UTF-8"));
        send(world.signed(SignatureVersion::V4, request)).await
    };
    let page = Element::parse(&text(list("max-parts=2").await).await).expect("XML");
    assert_eq!(crate::surface::texts(&page, "Part", "PartNumber"), ["1", "3"]);
    let dates = crate::surface::texts(&page, "Part", "LastModified");
    assert_eq!(dates, ["2026-01-01T00:00:01.000Z", "2026-01-01T00:00:02.000Z"]);
    assert_eq!((page.child_text("IsTruncated"), page.child_text("NextPartNumberMarker")), (Some("true"), Some("3")));
    let page = Element::parse(&text(list("part-number-marker=3&encoding-type=url").await).await).expect("XML");
    assert_eq!(crate::surface::texts(&page, "Part", "PartNumber"), ["5"]);
    assert_eq!((page.child_text("IsTruncated"), page.child_text("Key")), (Some("false"), Some("big%20file")));
    for query in ["max-parts=0", "max-parts=1001", "max-parts=x", "part-number-marker=x", "encoding-type=base64"] {
        assert_eq!(refusal(list(query).await).await.summary(), "400 InvalidArgument", "{query}");
    }
}

#[tokio::test]
async fn a_completed_upload_is_gone_for_every_operation() {
    let world = World::new().await;
    let id = initiate(&world, SignatureVersion::V4, &[]).await;
    let etag = part(&world, SignatureVersion::V4, &id, 1, 9).await;
    let answer = ok(complete(&world, &id, &[], completion(&[(1, &etag)]))).await;
    let whole = ok(world.signed(SignatureVersion::V4, presign::head_object(BUCKET, KEY))).await;
    assert_eq!(header(&answer, "x-oss-hash-crc64ecma"), header(&whole, "x-oss-hash-crc64ecma"));
    let requests = [
        (presign::complete_multipart_upload(BUCKET, KEY, &id, vec![]), "0042-00000203"),
        (presign::upload_part(BUCKET, KEY, &id, 2), "0017-00000244"),
        (presign::list_parts(BUCKET, KEY, &id), "0017-00000244"),
        (presign::abort_multipart_upload(BUCKET, KEY, &id), "0017-00000244"),
    ];
    for (request, ec) in requests {
        let refused =
            refusal(send(world.signed(SignatureVersion::V4, request).body(completion(&[(1, &etag)]))).await).await;
        assert_eq!(refused.summary(), "404 NoSuchUpload");
        assert_eq!(refused.document.ec.as_deref(), Some(ec));
    }
}
