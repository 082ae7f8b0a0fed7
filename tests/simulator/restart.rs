//! What a restart leaves alone.

use std::sync::Arc;

use crate::harness::{BUCKET, World, header};

#[tokio::test]
async fn objects_and_the_callback_key_survive_a_restart() {
    let before = World::new().await;
    before.store("kept", "123456789").await;
    let key = before.key_pem.clone();
    let folder = before.stop().await;
    std::fs::write(folder.path().join("tmp/half-an-upload"), "left by a kill").expect("written");
    let after = World::in_folder(Arc::clone(&folder), |_| ()).await;
    assert_eq!(after.key_pem, key);
    assert_eq!(header(&after.head("kept").await, "content-length").as_deref(), Some("9"));
    assert_eq!(after.keys(BUCKET).await, ["kept"]);
    assert!(!folder.path().join("tmp/half-an-upload").exists(), "unfinished uploads are cleared away");
}

#[tokio::test]
async fn the_callback_key_is_served_at_its_url() {
    let world = World::new().await;
    let served = world.client.get(&world.key_url).send().await.expect("an answer").text().await.expect("a body");
    assert_eq!(served, world.key_pem);
    assert!(served.contains("BEGIN PUBLIC KEY"), "{served}");
}
