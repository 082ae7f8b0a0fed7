//! Bodies: streamed, bounded, and thrown away when they end too early.

use std::fmt::Write as _;

use bytes::Bytes;
use futures_util::stream;
use oss_valet::oss::{
    presign,
    request::{SignableRequest, SignatureVersion},
};
use reqwest::Body;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{BUCKET, Form, World, content_files, header, ok, own};

const MIB: usize = 1024 * 1024;
const LARGE: usize = 64 * MIB;

/// The most memory this process has ever had, in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).expect("a number").parse::<usize>().expect("kB") * 1024
}

/// `LARGE` zero bytes between a head and a tail, made as they are asked for.
fn large_body(head: Vec<u8>, tail: Vec<u8>) -> Body {
    let chunk = Bytes::from(vec![0; MIB]);
    let zeros = std::iter::repeat_n(chunk, LARGE / MIB);
    let all = std::iter::once(Bytes::from(head)).chain(zeros).chain(std::iter::once(Bytes::from(tail)));
    Body::wrap_stream(stream::iter(all.map(Ok::<_, std::io::Error>)))
}

#[tokio::test]
async fn a_large_upload_is_never_held_in_memory() {
    let world = World::new().await;
    world.store("warm-up", "x").await;
    let before = peak_memory();
    let put = presign::put_object(BUCKET, "put", vec![]);
    ok(world.signed(SignatureVersion::V4, put).body(large_body(vec![], vec![]))).await;
    let form = Form::new(&world, SignatureVersion::V4, "posted", vec![], &[]).file("zeros", None, b"SPLIT");
    let (content_type, encoded) = form.encode();
    let split = encoded.windows(5).position(|window| window == b"SPLIT").expect("the marker");
    let body = large_body(encoded[..split].to_vec(), encoded[split + 5..].to_vec());
    let post = world.client.post(format!("{}/{BUCKET}", world.url)).header("content-type", content_type);
    ok(post.body(body)).await;
    let grown = peak_memory() - before;
    for key in ["put", "posted"] {
        assert_eq!(header(&world.head(key).await, "content-length"), Some(LARGE.to_string()));
    }
    assert!(grown < LARGE / 2, "{} MiB more than before", grown / MIB);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let world = World::new().await;
    for sent in [9, MIB] {
        break_off(&world, sent).await;
        assert_eq!(world.keys(BUCKET).await, Vec::<String>::new());
    }
    let folder = world.stop().await;
    assert_eq!(content_files(folder.path()), 0);
}

/// Sends so many bytes of twice as many.
async fn break_off(world: &World, sent: usize) {
    let signed = world.signed(SignatureVersion::V4, presign::put_object(BUCKET, "half", vec![]));
    let signed = signed.build().expect("a request");
    let path = signed.url().path();
    let mut head = format!("PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n", 2 * sent);
    for (name, value) in signed.headers() {
        write!(head, "{name}: {}\r\n", value.to_str().expect("text")).expect("written");
    }
    let mut stream = TcpStream::connect(world.url.trim_start_matches("http://")).await.expect("connected");
    stream.write_all(format!("{head}\r\n{}", "x".repeat(sent)).as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("half closed");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let world = World::new().await;
    // reqwest leaves out the length of an empty body.
    let put = world.signed(SignatureVersion::V4, presign::put_object(BUCKET, "empty", vec![])).body("");
    assert_eq!(put.try_clone().expect("a copy").send().await.expect("an answer").status(), 411);
    ok(put.header("content-length", "0")).await;
    let head = world.head("empty").await;
    assert_eq!(header(&head, "content-length").as_deref(), Some("0"));
    assert_eq!(header(&head, "etag").as_deref(), Some("\"D41D8CD98F00B204E9800998ECF8427E\""));
    let mut symlink = SignableRequest::object("PUT", BUCKET, "link");
    symlink.query = own(&[("symlink", "")]);
    let refused = world.signed(SignatureVersion::V4, symlink).send().await.expect("an answer");
    assert_eq!(refused.status(), 400, "a symlink needs a target");
}
