//! Each thing that can be wrong at OSS, once.

use std::sync::Arc;

use chrono::TimeDelta;
use oss_valet::{
    clock::{Clock, ManualClock, SystemClock},
    simulator::{Acl, Action, Permissions, Versioning},
};

use super::{Oss, World};

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_wrong_at_oss_is_named_with_the_key_to_change() {
    const BUCKET: &str = "buckets.media.bucket";
    const READER: &str = "buckets.media.confirm_credentials";
    let apart =
        |minutes| -> Arc<dyn Clock> { Arc::new(ManualClock::at(SystemClock.now() + TimeDelta::minutes(minutes))) };
    let fine = Oss::fine;
    let cases = [
        (
            "no GetObject",
            fine().readers(|all| all.without(Action::GetObject)),
            "fault",
            "head",
            READER,
            "oss:GetObject",
        ),
        (
            "PutObjectAcl",
            Oss { signer: Permissions::all(), ..fine() },
            "warning",
            "object_acl",
            "buckets.media.credentials",
            "oss:PutObjectAcl",
        ),
        ("no CORS", fine().bucket(|bucket| bucket.cors.clear()), "fault", "cors", BUCKET, "no CORS rules"),
        (
            "an origin that CORS leaves out",
            fine().cors(|cors| cors.allowed_origins = vec!["https://app.example.com".to_owned()]),
            "fault",
            "cors",
            BUCKET,
            "https://admin.example.com",
        ),
        ("no PUT", fine().cors(|cors| cors.allowed_methods = vec!["POST".to_owned()]), "fault", "cors", BUCKET, "PUT"),
        ("no ETag", fine().cors(|cors| drop(cors.expose_headers.remove(0))), "fault", "cors", BUCKET, "ETag"),
        (
            "no request id",
            fine().cors(|cors| drop(cors.expose_headers.pop())),
            "warning",
            "cors",
            BUCKET,
            "x-oss-request-id",
        ),
        (
            "versions",
            fine().bucket(|bucket| bucket.versioning = Versioning::Suspended),
            "fault",
            "versioning",
            "",
            "Suspended",
        ),
        (
            "no lifecycle rule",
            fine().bucket(|bucket| bucket.lifecycle.clear()),
            "warning",
            "lifecycle",
            BUCKET,
            "videos/",
        ),
        (
            "a lifecycle rule for other keys",
            fine().bucket(|bucket| bucket.lifecycle[0].prefix = "logs/".to_owned()),
            "warning",
            "lifecycle",
            BUCKET,
            "videos/",
        ),
        (
            "a bucket that everybody may write",
            fine().bucket(|bucket| bucket.acl = Acl::PublicReadWrite),
            "warning",
            "bucket_acl",
            BUCKET,
            "public-read-write",
        ),
        ("a clock that is off", Oss { clock: apart(5), ..fine() }, "fault", "clock", "", "60 s"),
    ];
    for (why, oss, level, check, key, word) in cases {
        let world = World::start(oss);
        let checked = world.check();
        if check == "versioning" {
            let keys: Vec<_> = checked.at(level).iter().map(|found| found.1.to_owned()).collect();
            assert_eq!(keys, ["profiles.avatar.overwrite", "profiles.video.overwrite"], "{why}");
            assert_eq!(checked.code, 1);
        } else {
            checked.is_only(why, level, check, key, word);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_asked_is_unknown_and_names_the_permission() {
    for (action, check, permission) in [
        (Action::GetBucketCors, "cors", "oss:GetBucketCors"),
        (Action::GetBucketLifecycle, "lifecycle", "oss:GetBucketLifecycle"),
        (Action::GetBucketInfo, "region", "oss:GetBucketInfo or oss:GetBucketLocation"),
    ] {
        let world = World::start(Oss::fine().readers(|all| all.without(action)));
        world.check().is_only(permission, "unknown", check, "buckets.media.bucket", permission);
    }
    // One way is enough: GetBucketInfo tells of versions, GetBucketLocation of the region, and either credential may ask.
    let world = World::start(Oss::fine().readers(|all| all.without(Action::GetBucketVersioning)));
    assert_eq!(world.check().at("unknown"), []);
    let signer = Permissions::of([Action::GetBucketLocation, Action::GetBucketCors]);
    let reader = |all: Permissions| all.without(Action::GetBucketInfo).without(Action::GetBucketCors);
    let world = World::start(Oss { signer, ..Oss::fine().readers(reader) });
    assert_eq!(world.check().at("unknown"), []);
}
