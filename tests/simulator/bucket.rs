//! What a bucket says about itself, and what can be changed of it.

use std::sync::Arc;

use oss_valet::{
    oss::xml::Element,
    simulator::{CorsRule, LifecycleRule, StorageClass, Versioning},
};

use crate::{
    harness::World,
    surface::{outcome, request, texts, xml},
};

async fn document(world: &World, query: &str) -> Element {
    xml(world.call(request("GET", "", query, &[]), "").await).await
}

#[tokio::test]
async fn a_bucket_describes_itself() {
    let world = World::with(|settings| {
        settings.buckets[0].storage_class = StorageClass::IA;
        settings.buckets[0].versioning = Versioning::Suspended;
    });
    let world = world.await;
    let info = document(&world, "bucketInfo").await;
    let bucket = info.child("Bucket").expect("a bucket");
    let expected = [
        ("Name", "dev-media"),
        ("Location", "oss-cn-hangzhou"),
        ("ExtranetEndpoint", "oss-cn-hangzhou.aliyuncs.com"),
        ("IntranetEndpoint", "oss-cn-hangzhou-internal.aliyuncs.com"),
        ("StorageClass", "IA"),
        ("DataRedundancyType", "LRS"),
        ("Versioning", "Suspended"),
        ("CreationDate", "2025-01-01T00:00:00.000Z"),
    ];
    for (name, value) in expected {
        assert_eq!(bucket.child_text(name), Some(value), "{name}");
    }
    assert_eq!(texts(bucket, "AccessControlList", "Grant"), ["private"]);
    assert_eq!(texts(bucket, "Owner", "ID"), texts(bucket, "Owner", "DisplayName"));
    let location = document(&world, "location").await;
    assert_eq!((location.name.as_str(), location.text.as_str()), ("LocationConstraint", "oss-cn-hangzhou"));
    assert_eq!(texts(&document(&world, "acl").await, "AccessControlList", "Grant"), ["private"]);
    assert_eq!(outcome(world.call(request("HEAD", "", "", &[]), "").await).await, "200");
}

#[tokio::test]
async fn a_bucket_counts_what_it_holds() {
    let world = World::new().await;
    world.store("a", "12345").await;
    world.store("b", "67").await;
    world.call(request("POST", "c", "uploads", &[]), "").await;
    let stat = document(&world, "stat").await;
    for (name, value) in [("Storage", "7"), ("ObjectCount", "2"), ("MultipartUploadCount", "1")] {
        assert_eq!(stat.child_text(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn rules_from_the_settings_are_told() {
    let world = World::with(|settings| {
        let rule = CorsRule { allowed_origins: vec!["https://a.test".to_owned()], ..CorsRule::open() };
        settings.buckets[0].cors = vec![rule, CorsRule::open()];
        settings.buckets[0].lifecycle = vec![LifecycleRule::abort_multipart_uploads_after(3)];
    });
    let world = world.await;
    let cors = document(&world, "cors").await;
    assert_eq!(texts(&cors, "CORSRule", "AllowedOrigin"), ["https://a.test", "*"]);
    assert_eq!(cors.child_text("ResponseVary"), Some("false"));
    let lifecycle = document(&world, "lifecycle").await;
    let rule = lifecycle.child("Rule").expect("a rule");
    assert_eq!((rule.child_text("Status"), rule.child_text("Prefix")), (Some("Enabled"), Some("")));
    assert_eq!(texts(rule, "AbortMultipartUpload", "Days"), ["3"]);
    let versioning = document(&world, "versioning").await;
    assert_eq!((versioning.name.as_str(), versioning.child("Status")), ("VersioningConfiguration", None));
}

const CORS: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.a.test</AllowedOrigin>\
                    <AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-oss-*</AllowedHeader></CORSRule>\
                    <ResponseVary>true</ResponseVary></CORSConfiguration>";
const LIFECYCLE: &str = "<LifecycleConfiguration><Rule><ID>r</ID><Prefix>tmp/</Prefix><Status>Enabled</Status>\
                         <Expiration><Days>1</Days></Expiration>\
                         <AbortMultipartUpload><Days>2</Days></AbortMultipartUpload></Rule></LifecycleConfiguration>";
const VERSIONING: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

#[tokio::test]
async fn rules_can_be_set_and_removed_and_outlive_a_restart() {
    let world = World::new().await;
    for (query, body) in [("cors", CORS), ("lifecycle", LIFECYCLE), ("versioning", VERSIONING)] {
        assert_eq!(outcome(world.call(request("PUT", "", query, &[]), body).await).await, "200", "{query}");
    }
    let world = World::in_folder(Arc::clone(&world.stop().await), |_| ()).await;
    let cors = document(&world, "cors").await;
    assert_eq!(texts(&cors, "CORSRule", "AllowedOrigin"), ["https://*.a.test"]);
    assert_eq!(cors.child_text("ResponseVary"), Some("true"));
    let lifecycle = document(&world, "lifecycle").await;
    let rule = lifecycle.child("Rule").expect("a rule");
    assert_eq!((rule.child_text("ID"), rule.child_text("Prefix")), (Some("r"), Some("tmp/")));
    assert_eq!(texts(rule, "Expiration", "Days"), ["1"]);
    assert_eq!(document(&world, "versioning").await.child_text("Status"), Some("Enabled"));
    for (query, missing) in [("cors", "404 NoSuchCORSConfiguration"), ("lifecycle", "404 NoSuchLifecycle")] {
        assert_eq!(world.call(request("DELETE", "", query, &[]), "").await.status(), 204, "{query}");
        assert_eq!(outcome(world.call(request("GET", "", query, &[]), "").await).await, missing);
    }
    assert_eq!(outcome(world.call(request("DELETE", "", "versioning", &[]), "").await).await, "405 MethodNotAllowed");
}

#[tokio::test]
async fn rules_are_refused_by_cause() {
    let world = World::new().await;
    let rule = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>";
    let cors = |inner: &str| format!("<CORSConfiguration>{inner}</CORSConfiguration>");
    let lifecycle = |inner: &str| format!("<LifecycleConfiguration>{inner}</LifecycleConfiguration>");
    let cases = [
        ("cors", cors(&rule.repeat(10)), "200"),
        ("cors", cors(&rule.repeat(11)), "400 CORSRuleBeyondLimit"),
        ("cors", cors(""), "400 MalformedXML"),
        ("cors", cors("<CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>"), "400 MalformedXML"),
        ("cors", cors(&rule.replace("GET", "PATCH")), "400 MalformedXML"),
        ("cors", cors(&rule.replace('*', "https://*.*")), "400 MalformedXML"),
        ("cors", "<Other/>".to_owned(), "400 MalformedXML"),
        ("lifecycle", lifecycle(""), "400 MalformedXML"),
        ("lifecycle", lifecycle("<Rule><Status>Enabled</Status></Rule>"), "400 MalformedXML"),
        ("lifecycle", LIFECYCLE.replace("Enabled", "On"), "400 MalformedXML"),
        ("lifecycle", LIFECYCLE.replace("<Days>1</Days>", "<Days>0</Days>"), "400 MalformedXML"),
        ("lifecycle", LIFECYCLE.replace("Expiration", "Transition"), "501 NotImplemented"),
        ("versioning", VERSIONING.replace("Enabled", "Off"), "400 InvalidArgument"),
        ("versioning", "Enabled".to_owned(), "400 MalformedXML"),
        ("policy", String::new(), "501 NotImplemented"),
        ("acl", String::new(), "501 NotImplemented"),
    ];
    for (query, body, expected) in cases {
        assert_eq!(outcome(world.call(request("PUT", "", query, &[]), &body).await).await, expected, "{query} {body}");
    }
    let digest = request("PUT", "", "versioning", &[("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")]);
    assert_eq!(outcome(world.call(digest, VERSIONING).await).await, "400 InvalidDigest");
}
