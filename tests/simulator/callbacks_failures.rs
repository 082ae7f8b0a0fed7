//! Callbacks that fail: the uploader gets a 203 in OSS's words, and the object stays.

use std::time::Duration;

use oss_valet::oss::{callback::Callback, post_policy::Condition, request::SignatureVersion};

use crate::{
    callbacks::{callback, put_with},
    harness::{BUCKET, Form, Refusal, World, header, refusal, text},
    receiver::{Receiver, answer},
};

pub(crate) async fn failure(world: &World, callback: &Callback, body: &str) -> Refusal {
    let answer = put_with(world, callback, body).await;
    assert!(header(&answer, "etag").is_some(), "the object is stored");
    let refused = refusal(answer).await;
    assert_eq!(refused.summary(), "203 CallbackFailed");
    assert_eq!(world.keys(BUCKET).await, ["called"]);
    refused
}

#[tokio::test]
async fn every_bad_answer_fails_in_osss_words_and_the_object_stays() {
    let world = World::new().await;
    let long = format!("Content-Length: {}\r\n", 1024 * 1024 + 1);
    let cases = [
        (
            "a redirect",
            "301 Moved",
            "Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n",
            "",
            "Error status : 301.",
        ),
        ("201 is not 200", "201 Created", "Content-Length: 2\r\n", "{}", "Error status : 201."),
        ("a refusal", "403 Forbidden", "Content-Length: 2\r\n", "{}", "Error status : 403."),
        ("a gateway", "502 Bad Gateway", "Content-Length: 0\r\n", "", "Error status : 502."),
        ("no length", "200 OK", "", "{}", "Error Status : 400.User server missing content-length."),
        (
            "chunked",
            "200 OK",
            "Transfer-Encoding: chunked\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "Error Status : 400.User server missing content-length.",
        ),
        (
            "nothing",
            "200 OK",
            "Content-Length: 0\r\n",
            "",
            "Error Status : 400.User server return invalid conent-length value.",
        ),
        (
            "a length that is no number",
            "200 OK",
            "Content-Length: two\r\n",
            "{}",
            "Error Status : 400.User server return invalid conent-length value.",
        ),
        ("too much", "200 OK", &long, "{}", "Error Status : 400.User server return too long content-length value."),
        (
            "a negative length",
            "200 OK",
            "Content-Length: -2\r\n",
            "{}",
            "Error Status : 400.User server return invalid conent-length value.",
        ),
        (
            "less than it said",
            "200 OK",
            "Content-Length: 9\r\n",
            "{}",
            "Error status : -1. OSS can not connect to your callbackUrl, please check it.",
        ),
        (
            "a stack trace",
            "200 OK",
            "Content-Length: 15\r\n",
            "Error at line 1",
            "Response body is not valid json format.",
        ),
        (
            "XML that calls itself something else",
            "200 OK",
            "Content-Type: text/xml\r\nContent-Length: 4\r\n",
            "<a/>",
            "Response body is not valid json format.",
        ),
        (
            "broken XML",
            "200 OK",
            "Content-Type: application/xml\r\nContent-Length: 3\r\n",
            "<a>",
            "Response body is not valid json format.",
        ),
        (
            "XML after a BOM",
            "200 OK",
            "Content-Type: application/xml\r\nContent-Length: 7\r\n",
            "\u{feff}<a/>",
            "Response body is not valid json format.",
        ),
        ("no JSON", "200 OK", "Content-Length: 2\r\n", "OK", "Response body is not valid json format."),
        ("a BOM", "200 OK", "Content-Length: 5\r\n", "\u{feff}{}", "Response body is not valid json format."),
    ];
    for (description, status, headers, body, message) in cases {
        let receiver = Receiver::answering(answer(status, headers, body)).await;
        let failed = failure(&world, &callback(&receiver.url()), "x").await;
        assert_eq!(failed.document.message, message, "{description}");
        assert_eq!(failed.document.ec.as_deref(), Some("0007-00000203"), "{description}");
        assert_eq!(receiver.requests().len(), 1, "{description}: no retry, no redirect");
    }
}

#[tokio::test]
async fn xml_that_says_so_is_as_good_as_json() {
    let world = World::new().await;
    let xml = "<?xml version=\"1.0\"?><Status>OK</Status>";
    let headers = format!("Content-Type: application/xml; charset=utf-8\r\nContent-Length: {}\r\n", xml.len());
    let receiver = Receiver::answering(answer("200 OK", &headers, xml)).await;
    let answered = put_with(&world, &callback(&receiver.url()), "x").await;
    assert_eq!(answered.status(), 200);
    assert_eq!(header(&answered, "content-type").as_deref(), Some("application/xml"));
    assert_eq!(text(answered).await, xml);
}

#[tokio::test]
async fn an_answer_may_have_a_megabyte() {
    let world = World::new().await;
    let json = format!("\"{}\"", "a".repeat(1024 * 1024 - 2));
    let receiver = Receiver::answering(answer("200 OK", "Content-Length: 1048576\r\n", &json)).await;
    let answered = put_with(&world, &callback(&receiver.url()), "x").await;
    assert_eq!((answered.status().as_u16(), text(answered).await.len()), (200, 1024 * 1024));
}

#[tokio::test]
async fn nobody_there_and_broken_images_fail_too() {
    let world = World::new().await;
    let cases = [
        ("http://127.0.0.1:1/", "x", "Error status : -1. OSS can not connect to your callbackUrl, please check it."),
        ("https://127.0.0.1:1/", "x", "Error status : 502."),
        ("http://127.0.0.1:1/", "RIFF\0\0\0\0WEBPVP8X", "Get image info failed."),
    ];
    for (url, body, message) in cases {
        let failed = failure(&world, &callback(url), body).await;
        assert_eq!((failed.document.message.as_str(), failed.document.ec.as_deref()), (message, Some("0007-00000203")));
        let doc = failed.document.details.iter().find(|(name, _)| name == "RecommendDoc").map(|(_, url)| url.as_str());
        assert_eq!(doc, Some("https://api.aliyun.com/troubleshoot?q=0007-00000203"));
    }
}

#[tokio::test]
async fn a_broken_image_matters_only_to_who_asks_for_its_size() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let indifferent = Callback { body: "s=${size}&c=%24%7BimageInfo.width%7D".to_owned(), ..callback(&receiver.url()) };
    assert_eq!(put_with(&world, &indifferent, "RIFF\0\0\0\0WEBPVP8X").await.status(), 200);
    let no_image = Callback { body: "w=${imageInfo.width}".to_owned(), ..callback(&receiver.url()) };
    assert_eq!(put_with(&world, &no_image, "just text").await.status(), 200);
    let bodies: Vec<_> = receiver.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, ["s=16&c=%24%7BimageInfo.width%7D", "w="]);
}

#[tokio::test]
async fn all_urls_share_one_budget_of_time() {
    let world = World::with(|settings| settings.callback_timeout = Duration::from_millis(300)).await;
    let silent = Receiver::answering(String::new()).await;
    let failed = failure(&world, &callback(&silent.url()), "x").await;
    let message =
        format!("error status:-1 {} reply timeout, cost:300ms, timeout:300ms (err -4, errno115)", silent.address);
    assert_eq!((failed.document.message, failed.document.ec.as_deref()), (message, Some("0007-00000202")));
    let never = Receiver::good().await;
    let two = Callback { urls: vec![silent.url(), never.url()], ..callback("") };
    assert_eq!(failure(&world, &two, "x").await.document.message, "Cost too long time.");
    assert_eq!(never.requests().len(), 0, "the time was spent on the first");
}

#[tokio::test]
async fn a_refused_upload_calls_nobody() {
    let world = World::new().await;
    let receiver = Receiver::good().await;
    let blob = callback(&receiver.url()).encode();
    let form =
        Form::new(&world, SignatureVersion::V4, "a", vec![Condition::ContentLengthRange(1, 2)], &[("callback", &blob)]);
    assert_eq!(refusal(world.post(&form).await).await.summary(), "400 EntityTooLarge");
    assert_eq!(receiver.requests().len(), 0);
}
