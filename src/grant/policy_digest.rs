//! Which policy was signed, without its signature: what the audit log says of a grant, and whoever holds the form, the URL or the
//! session policy can compute again.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::request::ClientRequest;

/// What a signature in a URL is called, by version.
const SIGNATURES: [&str; 2] = ["x-oss-signature", "Signature"];

/// Of a form, its policy document; of a URL, all of it without the parameter that holds the signature.
pub fn digest_of_request(request: &ClientRequest) -> String {
    let policy = request.fields.iter().find(|(name, _)| name == "policy");
    match policy.map(|(_, base64)| STANDARD.decode(base64)) {
        Some(Ok(document)) => hex::encode(Sha256::digest(document)),
        Some(Err(_)) | None => digest_of_text(&without_signature(&request.url)),
    }
}

/// Of a session policy, or any other text.
pub fn digest_of_text(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn without_signature(url: &str) -> String {
    let Some((place, query)) = url.split_once('?') else { return url.to_owned() };
    let is_signature = |parameter: &&str| SIGNATURES.contains(&parameter.split('=').next().unwrap_or_default());
    let rest: Vec<_> = query.split('&').filter(|parameter| !is_signature(parameter)).collect();
    format!("{place}?{}", rest.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(url: &str) -> ClientRequest {
        ClientRequest { method: "PUT", url: url.to_owned(), headers: Vec::new(), fields: Vec::new() }
    }

    #[test]
    fn a_url_counts_without_its_signature() {
        let plain = digest_of_text("https://b.oss.example.com/k?x-oss-date=1&callback=c");
        for url in [
            "https://b.oss.example.com/k?x-oss-date=1&callback=c&x-oss-signature=abc",
            "https://b.oss.example.com/k?x-oss-signature=def&x-oss-date=1&callback=c",
            "https://b.oss.example.com/k?x-oss-date=1&Signature=a%2Bb%3D&callback=c",
        ] {
            assert_eq!(digest_of_request(&put(url)), plain, "{url}");
        }
        assert_ne!(digest_of_request(&put("https://b.oss.example.com/k?x-oss-date=2&callback=c")), plain);
    }

    #[test]
    fn a_form_counts_by_its_policy_document() {
        let fields = vec![
            ("policy".to_owned(), STANDARD.encode(r#"{"expiration":"…"}"#)),
            ("x-oss-signature".to_owned(), "abc".to_owned()),
        ];
        let form = ClientRequest { method: "POST", url: "https://b/".to_owned(), headers: Vec::new(), fields };
        assert_eq!(digest_of_request(&form), digest_of_text(r#"{"expiration":"…"}"#));
    }
}
