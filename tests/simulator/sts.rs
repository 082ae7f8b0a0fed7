//! Sessions: how they are asked for, and what they may do while they last.

use oss_valet::oss::presign;

use crate::{
    harness::{BOTH, BUCKET, ok, owner},
    sts_calls::{assume_role, call, key_of, world},
};

#[tokio::test]
async fn a_session_uploads_in_every_way() {
    let world = world().await;
    let key = key_of(&call(&world, "n1", assume_role(&[])).await);
    assert!(key.id().starts_with("STS."));
    for version in BOTH {
        let put = presign::put_object(BUCKET, "a", vec![]);
        ok(world.signed_by(&key, version, put.clone()).body("x")).await;
        ok(world.presigned_by(&key, version, put).body("x")).await;
    }
    let _ = owner();
}
