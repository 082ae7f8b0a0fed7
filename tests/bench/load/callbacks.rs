//! Callbacks as OSS would make them of issued grants, signed beforehand.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use oss_valet::oss::{
    callback::{CallbackBodyType, SystemVariables, substitute},
    callback_signature::string_to_sign,
};
use rsa::{
    Pkcs1v15Sign,
    pkcs8::{EncodePublicKey as _, LineEnding},
};
use serde_json::Value;

use crate::{
    oss::{OBJECT_CRC64, OBJECT_ETAG, OBJECT_SIZE},
    service::{Service, World},
};

/// What the service is told to trust.
pub(crate) const KEY_URL: &str = "http://callback-key.example.com/callback_pub_key_v1.pem";
/// Where OSS calls.
pub(crate) const PATH: &str = "/v1/callbacks/oss";
const KEY_BITS: usize = 512;

/// Signs as OSS does.
pub(crate) struct CallbackKey(
    #[expect(clippy::disallowed_types, reason = "the benchmark plays OSS, which signs")] rsa::RsaPrivateKey,
);

impl CallbackKey {
    pub(crate) fn create() -> Self {
        #[expect(clippy::disallowed_types, reason = "the benchmark plays OSS, which signs")]
        let key = rsa::RsaPrivateKey::new(&mut rand::rngs::OsRng, KEY_BITS).unwrap();
        Self(key)
    }

    pub(crate) fn public_key_pem(&self) -> String {
        self.0.to_public_key().to_public_key_pem(LineEnding::LF).unwrap()
    }

    fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(self.0.sign(Pkcs1v15Sign::new::<Md5>(), &Md5::digest(text)).unwrap())
    }
}

/// One callback for each issued grant.
pub(crate) fn requests(world: &World, service: &Service, issued: &[Vec<u8>]) -> Vec<Vec<u8>> {
    issued.iter().map(|answer| request(world, service, &serde_json::from_slice(answer).unwrap())).collect()
}

fn request(world: &World, service: &Service, grant: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let system = SystemVariables {
        bucket: text(&grant["bucket"]),
        object: text(&grant["key"]),
        etag: OBJECT_ETAG.to_owned(),
        size: OBJECT_SIZE,
        mime_type: "image/png".to_owned(),
        image: None,
        crc64: OBJECT_CRC64.to_owned(),
        content_md5: String::new(),
        vpc_id: String::new(),
        client_ip: "203.0.113.7".to_owned(),
        req_id: "5C3D9175B6FC201293AD4890".to_owned(),
        operation: "PostObject".to_owned(),
    };
    let vars = grant["callback"]["vars"].as_object().unwrap();
    let vars: Vec<_> = vars.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let template = grant["callback"]["body"].as_str().unwrap();
    let body = substitute(template, CallbackBodyType::Form, &system, &vars);
    let signature = world.callback_key().sign(&string_to_sign(PATH, None, body.as_bytes()));
    format!(
        "POST {PATH} HTTP/1.1\r\nhost: {}\r\nuser-agent: aliyun-oss-callback\r\nauthorization: {signature}\r\n\
         x-oss-pub-key-url: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        service.address,
        STANDARD.encode(KEY_URL),
        body.len()
    )
    .into_bytes()
}
