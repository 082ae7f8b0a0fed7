//! Every operation asks RAM for its own action.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use oss_valet::{
    oss::access_key::AccessKey,
    simulator::{Action, Permissions},
};

use crate::{
    harness::World,
    surface::{outcome, request},
};

const CORS: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
const LIFECYCLE: &str = "<LifecycleConfiguration><Rule><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
const VERSIONING: &str = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
const TAGGING: &str = "<Tagging><TagSet/></Tagging>";
const DELETE: &str = "<Delete><Object><Key>gone</Key></Object></Delete>";

/// Method, key, query, header, body; and what it takes, as it stands in the code of the simulator.
type Case =
    (&'static str, &'static str, &'static str, Option<(&'static str, &'static str)>, &'static str, &'static [Action]);

const CASES: [Case; 33] = [
    ("PUT", "new", "", None, "x", &[Action::PutObject]),
    ("PUT", "new", "", Some(("x-oss-object-acl", "private")), "x", &[Action::PutObject, Action::PutObjectAcl]),
    ("PUT", "new", "", Some(("x-oss-tagging", "a=1")), "x", &[Action::PutObject, Action::PutObjectTagging]),
    ("PUT", "new", "", Some(("x-oss-copy-source", "/dev-media/a")), "", &[Action::PutObject, Action::GetObject]),
    ("PUT", "link", "symlink", Some(("x-oss-symlink-target", "a")), "", &[Action::PutObject]),
    ("POST", "log", "append&position=0", None, "", &[Action::PutObject]),
    ("POST", "big", "uploads", None, "", &[Action::PutObject]),
    ("POST", "big", "uploads", Some(("x-oss-tagging", "a=1")), "", &[Action::PutObject, Action::PutObjectTagging]),
    ("GET", "a", "", None, "", &[Action::GetObject]),
    ("HEAD", "a", "", None, "", &[Action::GetObject]),
    ("HEAD", "a", "objectMeta", None, "", &[Action::GetObject]),
    ("GET", "a", "versionId=null", None, "", &[Action::GetObject, Action::GetObjectVersion]),
    ("DELETE", "gone", "", None, "", &[Action::DeleteObject]),
    ("DELETE", "gone", "versionId=null", None, "", &[Action::DeleteObject, Action::DeleteObjectVersion]),
    ("POST", "", "delete", None, DELETE, &[Action::DeleteObject]),
    ("PUT", "a", "acl", Some(("x-oss-object-acl", "private")), "", &[Action::PutObjectAcl]),
    ("GET", "a", "acl", None, "", &[Action::GetObjectAcl]),
    ("PUT", "a", "tagging", None, TAGGING, &[Action::PutObjectTagging]),
    ("GET", "a", "tagging", None, "", &[Action::GetObjectTagging]),
    ("DELETE", "a", "tagging", None, "", &[Action::DeleteObjectTagging]),
    ("GET", "", "", None, "", &[Action::ListObjects]),
    ("GET", "", "list-type=2", None, "", &[Action::ListObjects]),
    ("GET", "", "uploads", None, "", &[Action::ListMultipartUploads]),
    ("GET", "", "bucketInfo", None, "", &[Action::GetBucketInfo]),
    ("GET", "", "location", None, "", &[Action::GetBucketLocation]),
    ("GET", "", "acl", None, "", &[Action::GetBucketAcl]),
    ("GET", "", "stat", None, "", &[Action::GetBucketStat]),
    ("GET", "", "versioning", None, "", &[Action::GetBucketVersioning]),
    ("PUT", "", "cors", None, CORS, &[Action::PutBucketCors]),
    ("DELETE", "", "cors", None, "", &[Action::DeleteBucketCors]),
    ("PUT", "", "lifecycle", None, LIFECYCLE, &[Action::PutBucketLifecycle]),
    ("DELETE", "", "lifecycle", None, "", &[Action::DeleteBucketLifecycle]),
    ("PUT", "", "versioning", None, VERSIONING, &[Action::PutBucketVersioning]),
];

#[tokio::test]
async fn an_operation_takes_its_actions_and_no_others() {
    let keys: Vec<(AccessKey, usize, Option<Action>)> = CASES
        .iter()
        .enumerate()
        .flat_map(|(index, case)| {
            let key = |name: String| AccessKey::new(format!("LTAI5t{name}"), "secret");
            let denied =
                case.5.iter().map(move |action| (key(format!("{index}Without{action:?}")), index, Some(*action)));
            std::iter::once((key(format!("{index}Enough")), index, None)).chain(denied)
        })
        .collect();
    let specs = keys.clone();
    let world = World::with(move |settings| {
        for (key, index, without) in specs {
            let permissions = match without {
                None => Permissions::of(CASES[index].5.iter().copied()),
                Some(action) => Permissions::all().without(action),
            };
            settings.access_keys.push(oss_valet::simulator::KeySpec { key, permissions });
        }
    });
    let world = world.await;
    world.store("a", "x").await;
    for (key, index, without) in keys {
        let (method, name, query, header, body, _) = CASES[index];
        let digest = STANDARD.encode(Md5::digest(body));
        let mut headers: Vec<(&str, &str)> = header.into_iter().collect();
        if query == "delete" {
            headers.push(("Content-MD5", &digest));
        }
        let answer = outcome(world.call_as(&key, request(method, name, query, &headers), body).await).await;
        let case = format!("{method} {name}?{query} {header:?} without {without:?}");
        match without {
            None => assert!(["200", "204"].contains(&answer.as_str()), "{case}: {answer}"),
            Some(_) => assert_eq!(answer, "403 AccessDenied", "{case}"),
        }
    }
}
