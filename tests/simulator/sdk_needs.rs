//! What official SDKs read out of answers beside what they show: without it they loop, or refuse their own uploads.

use chrono::TimeDelta;
use oss_valet::oss::{presign, request::SignatureVersion, xml::Element};

use crate::harness::{BOTH, BUCKET, DIGITS_CRC, World, header, ok, owner, refusal, send, text};

/// ali-oss in a page takes `ServerTime` and tries again; without it, it would do so for ever.
#[tokio::test]
async fn a_wrong_clock_is_told_the_right_time() {
    let world = World::new().await;
    for version in BOTH {
        let signed = presign::sign_headers(presign::get_object(BUCKET, "a"), &[], &world.context(version, &owner()));
        let signed_at = world.now();
        world.clock.advance(TimeDelta::hours(1));
        let refused = refusal(send(world.request(&signed)).await).await;
        assert_eq!(refused.summary(), "403 RequestTimeTooSkewed");
        let detail = |name: &str| {
            refused.document.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let iso = |time: chrono::DateTime<chrono::Utc>| Some(time.format("%Y-%m-%dT%H:%M:%S.000Z").to_string());
        assert_eq!(detail("ServerTime"), iso(world.now()), "{version:?}");
        assert_eq!(detail("RequestTime"), iso(signed_at), "{version:?}");
        assert_eq!(detail("MaxAllowedSkewMilliseconds").as_deref(), Some("900000"));
    }
}

/// alibabacloud-oss-v2 goes on with its checksum of the whole from those of the listed parts.
#[tokio::test]
async fn listed_parts_have_their_crc() {
    let world = World::new().await;
    let sign = |request| world.signed(SignatureVersion::V4, request);
    let initiated = text(ok(sign(presign::initiate_multipart_upload(BUCKET, "a", vec![]))).await).await;
    let id = Element::parse(&initiated).expect("XML").child_text("UploadId").expect("an id").to_owned();
    let answer = ok(sign(presign::upload_part(BUCKET, "a", &id, 1)).body("123456789")).await;
    assert_eq!(header(&answer, "x-oss-hash-crc64ecma").as_deref(), Some(DIGITS_CRC));
    let listed = Element::parse(&text(ok(sign(presign::list_parts(BUCKET, "a", &id))).await).await).expect("XML");
    let crcs: Vec<_> = listed.children_named("Part").map(|part| part.child_text("HashCrc64ecma")).collect();
    assert_eq!(crcs, [Some(DIGITS_CRC)]);
}
