//! The steps of the callback route, one after the other, each with what it found. Pure.

use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::Url;

use super::capture::Capture;
use super::{header_hints, key_hints, rewrites};
use crate::grant::{
    grant::GrantKind,
    seal::{SealInvalid, SealKeys, SealedFacts},
};
use crate::oss::callback_body::CallbackFields;
use crate::oss::callback_signature::{
    CallbackRefused, OSS_KEY_URLS, TrustedKeys, UnverifiedCallback, VerifiedCallback,
};

/// What the doctor is given besides the capture.
#[derive(Debug)]
pub(super) struct Knowledge {
    pub(super) trusted: TrustedKeys,
    pub(super) public_url: Option<Url>,
    pub(super) seal_keys: Option<SealKeys>,
}

/// What he found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Diagnosis {
    /// No step failed.
    pub(super) ok: bool,
    pub(super) steps: Vec<Finding>,
}

/// One step of the route.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) step: &'static str,
    /// `None`: not run.
    pub(super) ok: Option<bool>,
    /// The code that the service would answer.
    pub(super) code: Option<&'static str>,
    pub(super) detail: String,
    /// The likely cause of a failure.
    pub(super) hint: Option<String>,
}

/// Why a step failed.
struct Failed {
    code: &'static str,
    detail: String,
    hint: Option<String>,
}

/// Where the service takes callbacks.
const ROUTE: &str = "/v1/callbacks/oss";

/// In the order they run; the JSON output names them so.
const STEPS: [&str; 5] = ["headers", "key_url", "signature", "parse", "seal"];

/// Runs the steps up to the first that fails.
pub(super) fn diagnose(capture: &Capture, knowledge: &Knowledge) -> Diagnosis {
    let mut found = Vec::new();
    let failed = run_steps(capture, knowledge, &mut found).err();
    let mut steps: Vec<Finding> =
        found.into_iter().zip(STEPS).map(|((ok, detail), step)| passed(step, ok, detail)).collect();
    let ok = failed.is_none();
    if let Some(Failed { code, detail, hint }) = failed {
        steps.push(Finding { step: STEPS[steps.len()], ok: Some(false), code: Some(code), detail, hint });
    }
    for step in &STEPS[steps.len()..] {
        steps.push(passed(step, None, "not run: an earlier step failed".to_owned()));
    }
    Diagnosis { ok, steps }
}

fn passed(step: &'static str, ok: Option<bool>, detail: String) -> Finding {
    Finding { step, ok, code: None, detail, hint: None }
}

fn run_steps(capture: &Capture, knowledge: &Knowledge, found: &mut Vec<(Option<bool>, String)>) -> Result<(), Failed> {
    let mut pass = |detail: String| found.push((Some(true), detail));
    let callback = headers(capture)?;
    pass("Authorization and x-oss-pub-key-url are present, single and Base64".to_owned());
    key_url(capture, &callback, knowledge)?;
    pass(format!("the key at {} is trusted", callback.key_url()));
    let (verified, detail) = signature(capture, &callback, knowledge)?;
    pass(detail);
    let fields = parse(&verified)?;
    pass(format!("{} fields have a value: {}", fields.iter().count(), names(&fields)));
    match &knowledge.seal_keys {
        None => found.push((None, "not run: no --seal-secret-file".to_owned())),
        Some(keys) => {
            seal(&fields, keys)?;
            found.push((Some(true), "the seal fits user, upload, bucket, key and variables".to_owned()));
        }
    }
    Ok(())
}

fn headers(capture: &Capture) -> Result<UnverifiedCallback, Failed> {
    UnverifiedCallback::parse(capture.request()).map_err(|refused| Failed {
        code: "callback_malformed",
        detail: refused.to_string(),
        hint: header_hints::likely_cause(capture),
    })
}

fn key_url(capture: &Capture, callback: &UnverifiedCallback, knowledge: &Knowledge) -> Result<(), Failed> {
    callback.check_key_url(&knowledge.trusted).map_err(|refused| Failed {
        code: "callback_key_not_trusted",
        detail: refused.to_string(),
        hint: Some(key_hints::likely_cause(capture, callback, &knowledge.trusted, &all_keys(knowledge))),
    })
}

fn signature(
    capture: &Capture,
    callback: &UnverifiedCallback,
    knowledge: &Knowledge,
) -> Result<(VerifiedCallback, String), Failed> {
    if let Ok(verified) = callback.clone().verify(&knowledge.trusted, &[]) {
        return Ok((verified, format!("the signature is good for the path received{}", elsewhere(&capture.raw_path))));
    }
    let public_path: Vec<String> = knowledge.public_url.iter().map(|url| url.path().to_owned()).collect();
    if let Ok(verified) = callback.clone().verify(&knowledge.trusted, &public_path) {
        let (signed, received) = (&public_path[0], &capture.raw_path);
        return Ok((
            verified,
            format!(
                "the signature is good for {signed}, the path of --public-url; a proxy made {received} of it{}",
                elsewhere(received)
            ),
        ));
    }
    Err(Failed {
        code: "callback_signature_invalid",
        detail: CallbackRefused::SignatureInvalid.to_string(),
        hint: Some(rewrites::likely_cause(capture, callback, &all_keys(knowledge), knowledge.public_url.as_ref())),
    })
}

/// A good signature on a path that the service does not serve: it answers 404.
fn elsewhere(raw_path: &str) -> String {
    if percent_decode_str(raw_path).eq(ROUTE.bytes()) {
        return String::new();
    }
    format!(
        "; the service's route is {ROUTE}: where this is what reaches it, it answers 404, and a proxy has to strip the rest"
    )
}

fn parse(verified: &VerifiedCallback) -> Result<CallbackFields, Failed> {
    CallbackFields::parse(verified.content_type(), verified.body()).map_err(|error| Failed {
        code: "callback_unparseable",
        detail: error.to_string(),
        hint: Some(format!(
            "OSS copies the template's constants unchecked and fills in the variables: look at callbackBody, and whether it \
             is written for callbackBodyType {} (in JSON the variables bring their own quotes)",
            verified.content_type().unwrap_or("(none)")
        )),
    })
}

fn seal(fields: &CallbackFields, keys: &SealKeys) -> Result<(), Failed> {
    let failed = |detail: String, hint: String| Failed { code: "callback_seal_invalid", detail, hint: Some(hint) };
    let Some(seal) = fields.field("x:seal") else {
        let hint = "callbackBody must hold x:seal=${x:seal}, and the client must send the grant's x:seal: in the form, or in callback-var";
        return Err(failed("the body has no x:seal".to_owned(), hint.to_owned()));
    };
    let field = |name: &str| fields.field(name).unwrap_or("");
    let vars: Vec<_> = fields.iter().filter_map(caller_var).collect();
    let dir = fields.field("x:dir");
    let facts = SealedFacts {
        kind: if dir.is_some() { GrantKind::Directory } else { GrantKind::Upload },
        upload_id: field("x:upload_id"),
        user_id: field("x:user_id"),
        bucket: field("bucket"),
        key: dir.unwrap_or(field("object")),
        vars: &vars,
    };
    keys.verify_ignoring_kid(seal, &facts)
        .map_err(|error| failed(error.to_string(), seal_hint(seal, keys, &facts, error)))
}

/// The caller's own variables, without `x:`.
fn caller_var((name, value): (&str, &str)) -> Option<(String, String)> {
    let name = name.strip_prefix("x:").filter(|name| !["user_id", "upload_id", "seal", "dir"].contains(name))?;
    Some((name.to_owned(), value.to_owned()))
}

fn seal_hint(seal: &str, keys: &SealKeys, facts: &SealedFacts<'_>, error: SealInvalid) -> String {
    if error == SealInvalid::Malformed {
        return "x:seal is not what a grant holds: cut off, or encoded once more on the way".to_owned();
    }
    let required = [
        ("x:upload_id", facts.upload_id),
        ("x:user_id", facts.user_id),
        ("bucket", facts.bucket),
        ("object", facts.key),
    ];
    if let Some((name, _)) = required.iter().find(|(_, value)| value.is_empty()) {
        return format!("the body has no `{name}`, which the seal covers: it is missing in callbackBody");
    }
    for (at, (name, _)) in facts.vars.iter().enumerate() {
        let mut vars = facts.vars.to_vec();
        vars.remove(at);
        if keys.verify_ignoring_kid(seal, &SealedFacts { vars: &vars, ..facts.clone() }).is_ok() {
            return format!("the grant was issued without the variable x:{name}: the client added it");
        }
    }
    "another secret (compare the file with [callback] seal_secrets of the service that issued the grant), or the client \
     changed the key or an x: variable, or left one out"
        .to_owned()
}

/// What is trusted, and OSS's own key: a likely cause even where it is not trusted.
fn all_keys(knowledge: &Knowledge) -> TrustedKeys {
    knowledge.trusted.clone().or(TrustedKeys::oss())
}

fn names(fields: &CallbackFields) -> String {
    let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Whether a URL is one of the two under which OSS's key is known.
pub(super) fn is_oss(url: &str) -> bool {
    OSS_KEY_URLS.contains(&url)
}
