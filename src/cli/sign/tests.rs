use serde_json::{Map, Value, json};

use super::{ordered_json::OrderedJson, *};

fn run_lines(input: &str) -> (Vec<Value>, bool) {
    let mut output = vec![];
    let all_signed = sign_lines(input.as_bytes(), &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), all_signed)
}

/// The cases of one list of the vectors.
fn cases(list: &str) -> Vec<Map<String, Value>> {
    let mut suite: Value = serde_json::from_str(include_str!("../../../tests/vectors/signing.json")).unwrap();
    serde_json::from_value(suite[list].take()).unwrap()
}

/// The same cases as lines, members in the order of the file: a policy is signed in the order given.
fn lines(list: &str, kind: &str) -> Vec<String> {
    let suite: OrderedJson = serde_json::from_str(include_str!("../../../tests/vectors/signing.json")).unwrap();
    let OrderedJson::Object(members) = suite else { panic!("the suite is an object") };
    let found = members.into_iter().find_map(|(name, value)| (name == list).then_some(value));
    let Some(OrderedJson::Array(cases)) = found else { panic!("{list} is a list") };
    let with_kind = |case| {
        let OrderedJson::Object(mut members) = case else { panic!("a case is an object") };
        members.push(("kind".to_owned(), OrderedJson::Scalar(kind.into())));
        serde_json::to_string(&OrderedJson::Object(members)).unwrap()
    };
    cases.into_iter().map(with_kind).collect()
}

fn sign_all(lines: &[String]) -> Vec<Value> {
    let (answers, all_signed) = run_lines(&lines.join("\n"));
    assert!(all_signed && answers.len() == lines.len(), "{} of {}", answers.len(), lines.len());
    answers
}

#[test]
fn every_presign_vector_goes_through_the_workbench() {
    for (case, answer) in cases("presign").iter().zip(sign_all(&lines("presign", "presign"))) {
        for stage in ["signature", "string_to_sign", "canonical_request", "headers_to_send"] {
            let expected = case["expected"].get(stage).unwrap_or(&Value::Null);
            assert_eq!(&answer[stage], expected, "{stage} of {}", case["id"]);
        }
        assert!(answer["url"].as_str().unwrap().starts_with(case["expected"]["base_url"].as_str().unwrap()));
        assert_eq!((&answer["id"], &answer["form_fields"]), (&case["id"], &Value::Null));
    }
}

#[test]
fn every_header_vector_goes_through_the_workbench() {
    for (case, answer) in cases("header").iter().zip(sign_all(&lines("header", "header"))) {
        let leading = if case["version"] == "v1" { "date" } else { "x-oss-date" };
        assert_eq!(answer["signature"], case["expected"][leading]["signature"], "{}", case["id"]);
        assert_eq!(answer["headers_to_send"], case["expected"][leading]["headers"], "{}", case["id"]);
        for (form, expected) in case["expected"].as_object().unwrap().iter().filter(|_| case["version"] == "v1") {
            assert_eq!(answer["forms"][form]["signature"], expected["signature"], "{form} of {}", case["id"]);
        }
    }
}

#[test]
fn every_post_vector_goes_through_the_workbench() {
    for (case, answer) in cases("post").iter().zip(sign_all(&lines("post", "post"))) {
        let variants = case["variants"].as_array().unwrap();
        let variant = variants.iter().find(|variant| variant["signature"] == answer["signature"]);
        let variant = variant.unwrap_or_else(|| panic!("{} is signed as one of the tools signs it", case["id"]));
        for (name, value) in answer["form_fields"].as_object().unwrap() {
            if name != "key" {
                assert_eq!(value, &variant["form_fields"][name], "{name} of {}", case["id"]);
            }
        }
    }
}

#[test]
fn a_policy_text_is_signed_byte_for_byte() {
    let mut lines = vec![];
    let mut expected = vec![];
    for case in cases("post") {
        for variant in case["variants"].as_array().unwrap() {
            let mut line = case.clone();
            line.remove("policy");
            line.insert("kind".to_owned(), "post".into());
            line.insert("policy_text".to_owned(), variant["policy_text"].clone());
            lines.push(serde_json::to_string(&line).unwrap());
            expected.push(variant["signature"].clone());
        }
    }
    let signatures: Vec<_> = sign_all(&lines).into_iter().map(|mut answer| answer["signature"].take()).collect();
    assert_eq!(signatures, expected);
}

#[test]
fn a_line_that_cannot_be_signed_is_answered_and_does_not_stop_the_rest() {
    let credentials = json!({"access_key_id": "a", "access_key_secret": "sesame"});
    let good =
        json!({"id": "good", "kind": "post", "version": "v1", "credentials": credentials, "now": 0, "policy": {}});
    let unkind = json!({"id": "unkind", "credentials": credentials, "now": 0});
    let nowhere = json!({"id": 7, "kind": "presign", "method": "PUT", "credentials": credentials, "now": 0});
    let regionless = json!({"id": "r", "kind": "post", "credentials": credentials, "now": 0, "policy": {}});
    let (answers, all_signed) = run_lines(&format!("{unkind}\n\n{{\n{nowhere}\n{regionless}\n{good}\n"));
    assert!(!all_signed);
    let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(ids, [json!("unkind"), Value::Null, json!(7), json!("r"), json!("good")]);
    for answer in &answers[..4] {
        assert!(answer["error"].is_string() && !answer["error"].to_string().contains("sesame"), "{answer}");
    }
    assert!(answers[4]["signature"].is_string() && answers[4].get("error").is_none());
}
