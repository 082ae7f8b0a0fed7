//! What is wrong in the settings, and what OSS answers out of turn.

use std::net::TcpListener;

use serde_json::json;

use super::{Oss, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_the_settings_is_named_with_its_key() {
    let world = World::start(Oss::fine());
    let closed = {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", port.local_addr().unwrap())
    };
    let endpoint = format!("endpoint = \"{}\"", world.url);
    let reader = "access_key_id = \"LTAIreader\"";
    let nowhere = format!("{}/no/such/ledger.db", world.data.path().display());
    let ledger = world.data.path().join("ledger.db");
    let cases = [
        ("another bucket", "bucket = \"app-media\"", "bucket = \"app-medium\"", "buckets.media.bucket", "app-medium"),
        ("another region", "region = \"cn-hangzhou\"", "region = \"cn-beijing\"", "buckets.media.region", "cn-beijing"),
        (
            "a key that OSS does not know",
            reader,
            "access_key_id = \"LTAIother\"",
            "credentials.reader",
            "access key id",
        ),
        (
            "a secret of another key",
            "LTAIreader\"\naccess_key_secret = \"Valet",
            "LTAIreader\"\naccess_key_secret = \"Other",
            "credentials.reader",
            "SignatureDoesNotMatch",
        ),
        (
            "credentials that can't be had",
            "[credentials.reader]\nkind = \"static\"\naccess_key_id = \"LTAIreader\"\naccess_key_secret = \"ValetSecret00000000000000001\"",
            "[credentials.reader]\nkind = \"env\"",
            "credentials.reader",
            "credential",
        ),
        (
            "nobody there",
            endpoint.as_str(),
            &format!("endpoint = \"{closed}\""),
            "buckets.media.endpoint",
            "nothing else",
        ),
        ("no folder for the ledger", ledger.to_str().unwrap(), &nowhere, "store.url", "no folder"),
        (
            "an ACL that may not be set",
            "max_size = \"1 MiB\"",
            "max_size = \"1 MiB\"\nobject_acl = \"public-read\"",
            "buckets.media.credentials",
            "oss:PutObjectAcl",
        ),
    ];
    for (why, from, to, key, word) in cases {
        let changed = world.settings.replacen(from, to, 1);
        assert_ne!(changed, world.settings, "{why}");
        world.write(&changed);
        let checked = world.check();
        assert_eq!(checked.code, 1, "{why}");
        let faults = checked.at("fault");
        let told = faults.iter().any(|fault| fault.1 == key && fault.2.contains(word));
        assert!(told, "{why}: {faults:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_host_is_tried_as_clients_will() {
    let oss = Oss::fine().bucket(|bucket| bucket.cname_hosts = vec!["localhost".to_owned()]);
    let world = World::start(oss);
    let with = |host: &str| {
        world
            .settings
            .replace("credentials = \"signer\"", &format!("credentials = \"signer\"\npublic_host = \"{host}\""))
    };
    let port = world.url.rsplit_once(':').unwrap().1;
    world.write(&with(&format!("http://localhost:{port}")));
    let checked = world.check();
    let fine = checked.at("ok");
    assert!(fine.iter().any(|found| found.1 == "buckets.media.public_host"), "{fine:#?}");
    assert_eq!(checked.code, 0, "{:#}", checked.report);
    // A host that stands for no bucket: what OSS reads there is another bucket's name.
    world.write(&with(&world.url));
    let checked = world.check();
    let faults = checked.at("fault");
    let told = |fault: &(&str, &str, &str)| fault.1 == "buckets.media.public_host" && fault.2.contains("bound");
    assert!(checked.code == 1 && faults.iter().any(told), "{:#}", checked.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_oss_answers_out_of_turn_is_told_for_what_it_is() {
    let world = World::start(Oss::fine());
    let refuse = |code: &str| json!({"refuse": {"status": 400, "code": code, "message": "m"}});
    let cases = [
        (
            json!({"operation": "HeadObject"}),
            refuse("PublicEndpointForbidden"),
            "fault",
            "buckets.media.endpoint",
            "public_host",
        ),
        (
            json!({"operation": "HeadObject"}),
            refuse("SecondLevelDomainForbidden"),
            "fault",
            "buckets.media.path_style",
            "path style",
        ),
        (json!({"operation": "HeadObject"}), refuse("UserDisable"), "fault", "credentials.reader", "arrears"),
        (
            json!({"operation": "HeadObject"}),
            json!({"drop_connection": "before"}),
            "fault",
            "buckets.media.endpoint",
            "nothing else",
        ),
        (
            json!({"operation": "GetBucketCors"}),
            json!({"error": {"status": 500}}),
            "unknown",
            "buckets.media.endpoint",
            "InternalError",
        ),
        (
            json!({"operation": "GetBucketLifecycle"}),
            json!("throttle"),
            "unknown",
            "buckets.media.endpoint",
            "TotalQpsLimitExceeded",
        ),
    ];
    for (on, action, level, key, word) in cases {
        world.faults(&json!([{"on": on, "times": null, "do": action}]));
        let checked = world.check();
        let found = checked.at(level);
        assert!(found.iter().any(|found| found.1 == key && found.2.contains(word)), "{action}: {found:#?}");
        assert_eq!(checked.code, i32::from(level == "fault"), "{action}");
    }
}
