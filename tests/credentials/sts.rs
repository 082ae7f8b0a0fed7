//! A stand-in of STS that refuses what the real one refuses, and keeps what it was sent.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use oss_valet::{
    clock::{Clock, ManualClock},
    credentials::{StsClient, Timeouts},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use sha1::Sha1;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::harness::{entropy, http, issued};

pub(crate) const ROLE: &str = "acs:ram::123456789012:role/oss-valet";
pub(crate) const PROVIDER: &str = "acs:ram::123456789012:oidc-provider/ack-rrsa-c1";
/// The RAM user that may assume the role.
pub(crate) const USER: [&str; 2] = ["LTAIuser", "sesame-of-the-user"];

/// The running stand-in.
pub(crate) struct Sts {
    server: MockServer,
    pub(crate) state: Arc<State>,
}

pub(crate) struct State {
    clock: Arc<ManualClock>,
    /// Secret and token, by id.
    keys: Mutex<HashMap<String, (String, Option<String>)>>,
    nonces: Mutex<HashSet<String>>,
    /// The OIDC token that is valid.
    pub(crate) oidc_token: Mutex<String>,
    /// Answers this to everything, while it is there.
    pub(crate) outage: Mutex<Option<ResponseTemplate>>,
    /// The issued ones, named by their number.
    issued: Mutex<usize>,
}

/// One request as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) raw: String,
}

impl Sts {
    pub(crate) async fn start(clock: &Arc<ManualClock>) -> Self {
        let state = Arc::new(State {
            clock: clock.clone(),
            keys: Mutex::new([(USER[0].to_owned(), (USER[1].to_owned(), None))].into()),
            nonces: Mutex::default(),
            oidc_token: Mutex::new("jwt.of.the.pod".to_owned()),
            outage: Mutex::default(),
            issued: Mutex::default(),
        });
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Answering(state.clone())).mount(&server).await;
        Self { server, state }
    }

    pub(crate) fn client(&self) -> StsClient {
        let endpoint = oss_valet::oss::sts::parse_endpoint(&self.server.uri()).unwrap();
        StsClient::new(endpoint, http(Timeouts::STS), entropy())
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn issued(&self) -> usize {
        *self.state.issued.lock().unwrap()
    }

    pub(crate) fn set_outage(&self, answer: Option<ResponseTemplate>) {
        *self.state.outage.lock().unwrap() = answer;
    }

    pub(crate) async fn received(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The only request so far.
    pub(crate) async fn only(&self) -> (Request, Sent) {
        let [request] = self.received().await.try_into().expect("one request");
        let sent = read(&request).unwrap();
        (request, sent)
    }
}

struct Answering(Arc<State>);

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if let Some(answer) = self.0.outage.lock().unwrap().clone() {
            return answer;
        }
        self.0.answer(request).unwrap_or_else(|(status, code)| refusal(status, code))
    }
}

type Refused = (u16, &'static str);

/// STS's error document, with a message that quotes what was sent: it must reach no log.
pub(crate) fn refusal(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({
        "RequestId": "4E8A57F1-8A5F-4C1B-9C55-1C7F2B6D3A10",
        "HostId": "sts.aliyuncs.com",
        "Code": code,
        "Message": "server string to sign is: SecurityToken%3Dticket-of-1 sesame-of-the-user jwt.of.the.pod",
        "Recommend": "https://api.aliyun.com/troubleshoot",
    }))
}

impl State {
    fn answer(&self, request: &Request) -> Result<ResponseTemplate, Refused> {
        let sent = read(request).ok_or((400, "InvalidParameter"))?;
        require(&sent.query, "Version", "2015-04-01", (400, "InvalidVersion"))?;
        require(&sent.query, "Format", "JSON", (400, "UnsupportedFormat"))?;
        self.judge_time(&sent)?;
        match sent.query.get("Action").map(String::as_str) {
            Some("AssumeRole") => self.judge_signature(&sent)?,
            Some("AssumeRoleWithOIDC") => self.judge_oidc(&sent)?,
            _ => return Err((404, "InvalidAction.NotFound")),
        }
        judge_role(&sent)?;
        Ok(self.issue(&sent))
    }

    fn judge_time(&self, sent: &Sent) -> Result<(), Refused> {
        let wrong = (400, "InvalidTimeStamp.Format");
        let text = sent.query.get("Timestamp").filter(|text| text.len() == 20 && text.ends_with('Z')).ok_or(wrong)?;
        let at: DateTime<Utc> = text.parse().map_err(|_| wrong)?;
        let far = (self.clock.now() - at).abs() > TimeDelta::minutes(15);
        if far { Err((400, "InvalidTimeStamp.Expired")) } else { Ok(()) }
    }

    fn judge_signature(&self, sent: &Sent) -> Result<(), Refused> {
        require(&sent.query, "SignatureMethod", "HMAC-SHA1", (400, "InvalidSignatureMethod"))?;
        require(&sent.query, "SignatureVersion", "1.0", (400, "InvalidSignatureVersion"))?;
        let id = sent.query.get("AccessKeyId").ok_or((400, "MissingAccessKeyId"))?;
        let (secret, token) = self.keys.lock().unwrap().get(id).cloned().ok_or((404, "InvalidAccessKeyId.NotFound"))?;
        if sent.query.get("SecurityToken") != token.as_ref() {
            return Err((400, "InvalidSecurityToken.MismatchWithAccessKey"));
        }
        let mut all = sent.query.clone();
        all.append(&mut sent.form.clone());
        let signature = all.remove("Signature").ok_or((400, "MissingSignature"))?;
        if signature != rpc_signature(&all, &secret) {
            return Err((400, "SignatureDoesNotMatch"));
        }
        let nonce = sent.query.get("SignatureNonce").filter(|nonce| nonce.len() >= 16);
        let fresh = self.nonces.lock().unwrap().insert(nonce.ok_or((400, "MissingSignatureNonce"))?.clone());
        if fresh { Ok(()) } else { Err((400, "SignatureNonceUsed")) }
    }

    fn judge_oidc(&self, sent: &Sent) -> Result<(), Refused> {
        if sent.query.keys().any(|name| name.starts_with("Signature") || name == "AccessKeyId") {
            return Err((400, "UnsupportedSignature"));
        }
        require(&sent.form, "OIDCProviderArn", PROVIDER, (401, "AuthenticationFail.NoPermission"))?;
        let valid = self.oidc_token.lock().unwrap().clone();
        require(&sent.form, "OIDCToken", &valid, (401, "AuthenticationFail.OIDCToken.Expired"))
    }

    fn issue(&self, sent: &Sent) -> ResponseTemplate {
        let mut count = self.issued.lock().unwrap();
        *count += 1;
        let expires_at = self.clock.now() + TimeDelta::seconds(life(sent).unwrap());
        let credentials = issued(&count.to_string(), expires_at);
        let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
        let held = (text("AccessKeySecret"), Some(text("SecurityToken")));
        self.keys.lock().unwrap().insert(text("AccessKeyId"), held);
        ResponseTemplate::new(200).set_body_json(json!({
            "RequestId": "6894B13B-6D71-4EF5-88FA-F32781734A7F",
            "AssumedRoleUser": {"AssumedRoleId": "34458433936495****:x", "Arn": "acs:ram::123456789012:role/x/y"},
            "Credentials": credentials,
        }))
    }
}

fn judge_role(sent: &Sent) -> Result<(), Refused> {
    require(&sent.form, "RoleArn", ROLE, (404, "EntityNotExist.Role"))?;
    let name = sent.form.get("RoleSessionName").map(String::as_str).unwrap_or_default();
    if !(2..=64).contains(&name.len()) || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"@._-".contains(&b)) {
        return Err((400, "InvalidParameter.RoleSessionName"));
    }
    if sent.form.get("Policy").is_some_and(|policy| policy.len() > 2048 || !policy.starts_with('{')) {
        return Err((400, "InvalidParameter.PolicyGrammar"));
    }
    match life(sent) {
        Some(900..=43_200) => Ok(()),
        _ => Err((400, "InvalidParameter.DurationSeconds")),
    }
}

fn life(sent: &Sent) -> Option<i64> {
    sent.form.get("DurationSeconds")?.parse().ok()
}

fn require(map: &BTreeMap<String, String>, name: &str, value: &str, refused: Refused) -> Result<(), Refused> {
    if map.get(name).is_some_and(|found| found == value) { Ok(()) } else { Err(refused) }
}

/// Takes a request apart; `None` when it is not a POST of a form to `/`, or says something twice.
pub(crate) fn read(request: &Request) -> Option<Sent> {
    let form = std::str::from_utf8(&request.body).ok()?;
    let is_form = request.headers.get("content-type").is_some_and(|t| t == "application/x-www-form-urlencoded");
    if request.method.as_str() != "POST" || request.url.path() != "/" || !is_form {
        return None;
    }
    let query = request.url.query().unwrap_or_default();
    Some(Sent { query: pairs(query)?, form: pairs(form)?, raw: format!("{query}\n{form}") })
}

fn pairs(text: &str) -> Option<BTreeMap<String, String>> {
    let all: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let count = all.len();
    let map: BTreeMap<_, _> = all.into_iter().collect();
    (map.len() == count).then_some(map)
}

/// The RPC scheme once more, from its description (P§6.1), not from the code under test.
fn rpc_signature(all: &BTreeMap<String, String>, secret: &str) -> String {
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let query: Vec<String> = all.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let string_to_sign = format!("POST&{}&{}", encode("/"), encode(&query.join("&")));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).unwrap();
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
