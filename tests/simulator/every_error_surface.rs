//! The same for the codes of tags, ACLs, appends, copies, conditions and bucket rules.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use oss_valet::oss::{presign, request::SignableRequest};
use reqwest::Response;

use crate::{
    every_error::{Expected, Table, plain},
    harness::{BUCKET, World, ok, own, send},
};

async fn ask(
    table: &Table,
    method: &str,
    key: &str,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut request = SignableRequest::object(method, BUCKET, key);
    request.query = own(query);
    request.headers = own(headers);
    send(table.signed(request).body(body.to_owned())).await
}

#[tokio::test]
async fn the_codes_of_the_whole_surface_are_answered_in_osss_words() {
    let mut table = Table { world: World::new().await, seen: BTreeSet::new() };
    table.world.store("there", "123456789").await;
    tags(&mut table).await;
    objects(&mut table).await;
    appends(&mut table).await;
    buckets(&mut table).await;
}

async fn tags(table: &mut Table) {
    let document = |tags: &str| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
    let tag = |key: &str| format!("<Tag><Key>{key}</Key><Value>1</Value></Tag>");
    let many: String = (0..11).map(|n| tag(&n.to_string())).collect();
    let cases = [
        (tag("a") + &tag("a"), "400 RepeatedTags", "Tag keys must be unique.", &[][..]),
        (many, "400 TooManyTags", "The object tags num is beyond limit.", &[]),
        (tag("a&lt;"), "400 InvalidTag", "The TagKey you have provided is invalid.", &[("TagKey", "*")]),
    ];
    for (tags, summary, message, details) in cases {
        let answer = ask(table, "PUT", "there", &[("tagging", "")], &[], &document(&tags)).await;
        table.expect(answer, plain(summary, message, details)).await;
    }
}

async fn objects(table: &mut Table) {
    let answer = table.put("a", &[("x-oss-server-side-encryption", "ROT13")]).await;
    let message = "The Encryption request you specified is not valid. Supported value: AES256/SM4/KMS.";
    table.expect(answer, plain("400 InvalidEncryptionAlgorithmError", message, &[])).await;
    let answer = table.put("a", &[("x-oss-hash-crc64ecma", "1")]).await;
    let message = "The x-oss-hash-crc64ecma you specified does not match what we calculated.";
    let details = &[("ClientComputedCRC64", "1"), ("ServerComputedCRC64", "*")];
    table.expect(answer, plain("400 InvalidCRC64", message, details)).await;
    assert_eq!(table.put("cold", &[("x-oss-storage-class", "Archive")]).await.status(), 200);
    let answer = send(table.signed(presign::get_object(BUCKET, "cold"))).await;
    let message = "The operation is not valid for the object's state.";
    table.expect(answer, plain("403 InvalidObjectState", message, &[("ObjectName", "cold")])).await;
    let answer = ask(table, "GET", "there", &[], &[("if-match", "\"other\"")], "").await;
    let message = "At least one of the pre-conditions you specified did not hold.";
    table.expect(answer, plain("412 PreconditionFailed", message, &[("Condition", "if-match")])).await;
    let answer = ask(table, "GET", "there", &[("versionId", "none")], &[], "").await;
    let details = &[("Key", "there"), ("VersionId", "none")];
    table.expect(answer, plain("404 NoSuchVersion", "The specified version does not exist.", details)).await;
    let answer = ask(table, "PUT", "there", &[("acl", "")], &[], "").await;
    let details = &[("ArgumentName", "x-oss-object-acl")];
    table.expect(answer, plain("400 MissingArgument", "Missing Some Required Arguments.", details)).await;
    for (link, target) in [("one", "there"), ("two", "one")] {
        let headers = [("x-oss-symlink-target", target)];
        assert_eq!(ask(table, "PUT", link, &[("symlink", "")], &headers, "").await.status(), 200);
    }
    let answer = send(table.signed(presign::get_object(BUCKET, "two"))).await;
    table.expect(answer, plain("400 InvalidTargetType", "The symlink target object type is invalid.", &[])).await;
}

async fn appends(table: &mut Table) {
    let append = async |table: &Table, key: &str, position: &str| {
        ask(table, "POST", key, &[("append", ""), ("position", position)], &[], "x").await
    };
    let answer = append(table, "there", "0").await;
    table.expect(answer, plain("409 ObjectNotAppendable", "The object is not appendable.", &[])).await;
    assert_eq!(append(table, "log", "0").await.status(), 200);
    let answer = append(table, "log", "5").await;
    table.expect(answer, plain("409 PositionNotEqualToLength", "Position is not equal to file length.", &[])).await;
    let answer = ask(table, "PUT", "copy", &[], &[("x-oss-copy-source", "/dev-media/log")], "").await;
    let message = "The operation is not supported for this resource.";
    table.expect(answer, plain("400 OperationNotSupported", message, &[])).await;
}

async fn buckets(table: &mut Table) {
    let rule = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>";
    let body = format!("<CORSConfiguration>{}</CORSConfiguration>", rule.repeat(50));
    let answer = ask(table, "PUT", "", &[("cors", "")], &[], &body).await;
    table.expect(answer, plain("400 CORSRuleBeyondLimit", "The CORS Rules num is beyond limit.", &[])).await;
    let body = "<Delete><Object><Key></Key></Object></Delete>";
    let md5 = STANDARD.encode(Md5::digest(body));
    let answer = ask(table, "POST", "", &[("delete", "")], &[("content-md5", &md5)], body).await;
    table.expect(answer, plain("400 UserKeyMustBeSpecified", "User key must be specified.", &[])).await;
    let by_path = table.world.client.get(format!("{}/{BUCKET}/there", table.world.url));
    let answer = send(by_path.header("host", "oss-cn-hangzhou.aliyuncs.com")).await;
    let message = "The bucket you are attempting to access must be addressed using OSS third level domain.";
    let expected = Expected { summary: "403 SecondLevelDomainForbidden", message, ec: None, details: &[] };
    table.expect(answer, expected).await;
    ok(table.signed(presign::get_object(BUCKET, "there"))).await;
}
