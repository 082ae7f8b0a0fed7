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
