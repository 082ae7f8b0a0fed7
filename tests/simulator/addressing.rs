//! Buckets and keys as real clients write them into targets and hosts, byte for byte over a socket of our own.

use std::fmt::Write as _;

use oss_valet::oss::{
    encoding::push_query,
    presign,
    request::{SignableRequest, SignatureVersion},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{BOTH, BUCKET, World, owner};

/// What follows the bucket's slash in a target, and the key that it means.
const KEYS: [(&str, &str); 18] = [
    ("a/b.txt", "a/b.txt"),
    // oss2 encodes the slashes, too.
    ("c%2Fd.txt", "c/d.txt"),
    ("c%2fe.txt", "c/e.txt"),
    ("a%20b", "a b"),
    ("plus+plus", "plus+plus"),
    ("plus%2Bencoded", "plus+encoded"),
    ("100%25", "100%"),
    ("%2525", "%25"),
    ("a//b", "a//b"),
    ("dots/./a/../b", "dots/./a/../b"),
    ("dots/%2E%2E/c", "dots/../c"),
    ("%E7%9B%AE%E5%BD%95/%E4%B8%AD%E6%96%87.txt", "目录/中文.txt"),
    ("%F0%9F%98%80", "😀"),
    ("a%3Fb%23c", "a?b#c"),
    ("dir/", "dir/"),
    ("a;b=c&d,e@f:g", "a;b=c&d,e@f:g"),
    ("~-_.!*'()", "~-_.!*'()"),
    ("quote%22%3C%3E", "quote\"<>"),
];

/// `Host`, and what stands before the key in the target. The connection goes to 127.0.0.1 in any case.
const PLACES: [(&str, &str); 12] = [
    ("127.0.0.1:9000", "/dev-media/"),
    ("localhost", "/dev-media/"),
    ("oss.cluster.internal", "/dev-media/"),
    ("dev-media.localhost:9000", "/"),
    ("dev-media.oss-cn-hangzhou.aliyuncs.com", "/"),
    ("dev-media.oss-cn-hangzhou.aliyuncs.com:443", "/"),
    ("dev-media.oss-cn-hangzhou-internal.aliyuncs.com", "/"),
    ("dev-media.oss-accelerate.aliyuncs.com", "/"),
    ("dev-media.cn-hangzhou.oss.aliyuncs.com", "/"),
    ("dev-media.cn-hangzhou.aliyuncs.com", "/"),
    ("cdn.example.com", "/"),
    // A proxy's absolute form; it wins over the header.
    ("other.example.com", "http://dev-media.oss-cn-hangzhou.aliyuncs.com/"),
];

async fn world() -> World {
    World::with(|settings| settings.buckets[0].cname_hosts = vec!["cdn.example.com".to_owned()]).await
}

/// Sends exactly these bytes; status and body of the answer.
async fn exchange(world: &World, head: &str, body: &str) -> (u16, String) {
    let address = world.url.strip_prefix("http://").expect("a URL");
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let request = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes()).await.expect("it is taken");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// The head of a request signed for `key`, in its headers or in its target.
fn head(
    world: &World,
    request: SignableRequest,
    version: SignatureVersion,
    in_query: bool,
    host: &str,
    target: &str,
) -> String {
    let access_key = owner();
    let context = world.context(version, &access_key);
    let method = request.method.clone();
    let signed = if in_query {
        presign::presign(request, &[], 600, &context).expect("ten minutes are allowed")
    } else {
        presign::sign_headers(request, &[], &context)
    };
    let mut target = target.to_owned();
    if !signed.query.is_empty() {
        target.push('?');
        push_query(&mut target, &signed.query);
    }
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in signed.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        write!(head, "{name}: {value}\r\n").expect("a String takes what is written to it");
    }
    head
}

#[tokio::test]
async fn every_place_and_every_key_are_found_under_every_signature() {
    let world = world().await;
    for (host, before) in PLACES {
        for (raw, key) in KEYS {
            for version in BOTH {
                for in_query in [false, true] {
                    let case = format!("{key} as {raw} at {host} {version:?} in the query: {in_query}");
                    let target = format!("{before}{raw}");
                    let put = presign::put_object(BUCKET, key, vec![]);
                    let put = head(&world, put, version, in_query, host, &target);
                    assert_eq!(exchange(&world, &put, &case).await.0, 200, "PUT {case}");
                    let get = presign::get_object(BUCKET, key);
                    let get = head(&world, get, version, in_query, host, &target);
                    assert_eq!(exchange(&world, &get, "").await, (200, case.clone()), "GET {case}");
                }
            }
        }
    }
    let mut expected: Vec<&str> = KEYS.iter().map(|(_, key)| *key).collect();
    expected.sort_unstable();
    assert_eq!(world.keys(BUCKET).await, expected, "nothing was stored under another name");
}

#[tokio::test]
async fn a_sub_resource_may_carry_an_equals_sign() {
    let world = world().await;
    for version in BOTH {
        for query in ["uploads", "uploads="] {
            let request = presign::initiate_multipart_upload(BUCKET, "big", vec![]);
            let access_key = owner();
            let signed = presign::sign_headers(request, &[], &world.context(version, &access_key));
            let mut head = format!("POST /big?{query} HTTP/1.1\r\nHost: dev-media.localhost\r\n");
            for (name, value) in &signed.headers {
                write!(head, "{name}: {value}\r\n").expect("a String takes what is written to it");
            }
            let (status, body) = exchange(&world, &head, "").await;
            assert_eq!(status, 200, "{query} {version:?}");
            assert!(body.contains("<UploadId>"), "{body}");
        }
    }
}

#[tokio::test]
async fn addresses_that_mean_nothing_are_refused() {
    let world = world().await;
    let cases = [
        ("a key that is not UTF-8", "127.0.0.1", "/dev-media/%FF", "InvalidObjectName"),
        ("a key that begins with a slash", "dev-media.localhost", "//a", "InvalidObjectName"),
        ("a key that begins with a backslash", "dev-media.localhost", "/%5Ca", "InvalidObjectName"),
        (
            "the bucket in the path of OSS's own endpoint",
            "oss-cn-hangzhou.aliyuncs.com",
            "/dev-media/a",
            "SecondLevelDomainForbidden",
        ),
        ("no such bucket in the host", "nobody.oss-cn-hangzhou.aliyuncs.com", "/dev-media/a", "NoSuchBucket"),
        ("no such bucket in the path", "127.0.0.1", "/nobody/a", "NoSuchBucket"),
        ("no bucket at all", "127.0.0.1", "/", "MethodNotAllowed"),
    ];
    for (description, host, target, code) in cases {
        let key = match target {
            "//a" => "/a",
            "/%5Ca" => "\\a",
            _ => "a",
        };
        let request = presign::put_object(BUCKET, key, vec![]);
        let head = head(&world, request, SignatureVersion::V4, false, host, target);
        let (status, body) = exchange(&world, &head, "x").await;
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{description}: {status} {body}");
    }
    assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
}
