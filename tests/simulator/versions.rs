//! Versioning switched on and suspended while objects are there.

use oss_valet::simulator::Versioning;

use crate::{
    harness::{World, header},
    surface::{outcome, request},
};

async fn switch(world: &World, status: &str) {
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    assert_eq!(outcome(world.call(request("PUT", "", "versioning", &[]), &body).await).await, "200");
}

#[tokio::test]
async fn the_null_version_is_replaced_and_the_others_stay() {
    let world = World::new().await;
    let old = world.store("a", "before").await;
    assert_eq!(header(&old, "x-oss-version-id"), None);
    switch(&world, "Enabled").await;
    assert_eq!(header(&world.head("a").await, "x-oss-version-id").as_deref(), Some("null"));
    let enabled = header(&world.store("a", "enabled").await, "x-oss-version-id").expect("a version");
    assert_eq!(world.read("a", "versionId=null").await, "before");
    switch(&world, "Suspended").await;
    let suspended = world.store("a", "suspended").await;
    assert_eq!(header(&suspended, "x-oss-version-id").as_deref(), Some("null"));
    assert_eq!(world.read("a", "versionId=null").await, "suspended", "the null version is replaced");
    assert_eq!(world.read("a", &format!("versionId={enabled}")).await, "enabled");
    let deleted = world.call(request("DELETE", "a", "", &[]), "").await;
    assert_eq!(header(&deleted, "x-oss-delete-marker").as_deref(), Some("true"));
    assert_eq!(header(&deleted, "x-oss-version-id").as_deref(), Some("null"));
    assert_eq!(outcome(world.call(request("GET", "a", "versionId=null", &[]), "").await).await, "405 MethodNotAllowed");
    world.call(request("DELETE", "a", "versionId=null", &[]), "").await;
    assert_eq!(world.read("a", "").await, "enabled");
}

#[tokio::test]
async fn forbid_overwrite_has_no_effect_where_versions_are_known() {
    for (versioning, expected) in [
        (Versioning::Unversioned, "409 FileAlreadyExists"),
        (Versioning::Enabled, "200"),
        (Versioning::Suspended, "200"),
    ] {
        let world = World::with(|settings| settings.buckets[0].versioning = versioning).await;
        world.store("a", "1").await;
        let forbidding = [("x-oss-forbid-overwrite", "true")];
        assert_eq!(
            outcome(world.call(request("PUT", "a", "", &forbidding), "2").await).await,
            expected,
            "{versioning:?}"
        );
        let copy = [("x-oss-forbid-overwrite", "true"), ("x-oss-copy-source", "/dev-media/a")];
        assert_eq!(outcome(world.call(request("PUT", "a", "", &copy), "").await).await, expected, "{versioning:?}");
        let link = [("x-oss-forbid-overwrite", "true"), ("x-oss-symlink-target", "b")];
        assert_eq!(
            outcome(world.call(request("PUT", "a", "symlink", &link), "").await).await,
            expected,
            "{versioning:?}"
        );
    }
}

#[tokio::test]
async fn attributes_belong_to_one_version() {
    let world = World::with(|settings| settings.buckets[0].versioning = Versioning::Enabled).await;
    let first = header(&world.store("a", "1").await, "x-oss-version-id").expect("a version");
    world.store("a", "2").await;
    let named = format!("acl&versionId={first}");
    let set = world.call(request("PUT", "a", &named, &[("x-oss-object-acl", "public-read")]), "").await;
    assert_eq!(header(&set, "x-oss-version-id").as_deref(), Some(first.as_str()));
    assert_eq!(outcome(world.anonymous("a").await).await, "403 AccessDenied");
    assert_eq!(outcome(world.anonymous(&format!("a?versionId={first}")).await).await, "200");
    let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    let tagged = world.call(request("PUT", "a", &format!("tagging&versionId={first}"), &[]), tags).await;
    assert_eq!(header(&tagged, "x-oss-version-id").as_deref(), Some(first.as_str()));
    assert_eq!(header(&world.head("a").await, "x-oss-tagging-count"), None);
    assert!(world.read("a", &format!("tagging&versionId={first}")).await.contains("<Key>k</Key>"));
    let gone = request("DELETE", "a", &format!("tagging&versionId={first}"), &[]);
    assert_eq!(world.call(gone, "").await.status(), 204);
}
