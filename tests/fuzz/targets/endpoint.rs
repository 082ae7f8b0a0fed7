//! Endpoints: what is read, written again, is the same; every URL made of one keeps its host.

use oss_valet::oss::endpoint::{AddressingStyle, Endpoint};

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    for style in [AddressingStyle::Virtual, AddressingStyle::Cname, AddressingStyle::Path] {
        let Ok(endpoint) = Endpoint::parse(text, style) else { continue };
        let written = endpoint.to_string();
        assert_eq!(Endpoint::parse(&written, endpoint.style()).as_ref(), Ok(&endpoint), "{written}");
        let (scheme, authority) = written.split_once("://").expect("a scheme");
        assert!(matches!(scheme, "http" | "https") && !authority.contains(['/', '?', '#', '@', ' ']), "{written}");
        let url = endpoint.object_url("bucket", "a key?#/b");
        assert!(url.starts_with(&endpoint.bucket_url("bucket")) && url.ends_with("/a%20key%3F%23/b"), "{url}");
        assert!(endpoint.host("bucket").ends_with(authority));
    }
}
