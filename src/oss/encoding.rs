//! The percent-encoding sets, as named constants.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but `A-Za-z0-9-_.~` (P§4.2): query names and values, and every V4 canonical text.
///
/// A character more or less here and V4 signatures of keys that hold it stop matching.
pub const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// [`COMPONENT`] with `/` kept: object keys in a path (P§4.2).
pub const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// Appends `text` percent-encoded for `set`, without an allocation of its own.
pub fn push_encoded(out: &mut String, text: &str, set: &'static AsciiSet) {
    out.extend(utf8_percent_encode(text, set));
}

/// `text` as a query name or value.
pub fn encode_component(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    push_encoded(&mut out, text, COMPONENT);
    out
}

/// Appends `name=value&…`; a name with an empty value stands alone, as OSS's sub-resources do.
pub fn push_query(out: &mut String, query: &[(String, String)]) {
    for (index, (name, value)) in query.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        push_encoded(out, name, COMPONENT);
        if !value.is_empty() {
            out.push('=');
            push_encoded(out, value, COMPONENT);
        }
    }
}

/// Decodes a path once; `+` stays `+`. `None` when the bytes are not UTF-8, which no object key is.
pub fn decode_path(raw: &str) -> Option<String> {
    percent_decode_str(raw).decode_utf8().ok().map(Cow::into_owned)
}

/// Decodes a raw query (without its `?`): names and values in order, `+` read as a blank, because several SDKs write it so.
///
/// `None` when a name or value is not UTF-8.
pub fn decode_query(raw: &str) -> Option<Vec<(String, String)>> {
    raw.split('&').filter(|piece| !piece.is_empty()).map(decode_pair).collect()
}

fn decode_pair(piece: &str) -> Option<(String, String)> {
    let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
    Some((decode_form(name)?, decode_form(value)?))
}

fn decode_form(raw: &str) -> Option<String> {
    if raw.contains('+') { decode_path(&raw.replace('+', " ")) } else { decode_path(raw) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay_as_they_are() {
        assert_eq!(encode_component("aZ09-_.~"), "aZ09-_.~");
        assert_eq!(encode_component("a b+c/=中!*'()"), "a%20b%2Bc%2F%3D%E4%B8%AD%21%2A%27%28%29");
    }

    #[test]
    fn a_path_keeps_its_slashes() {
        let mut out = String::new();
        push_encoded(&mut out, "/a//b?c", PATH);
        assert_eq!(out, "/a//b%3Fc");
    }

    #[test]
    fn a_query_reads_back_as_it_was_written() {
        let query = vec![("uploads".to_owned(), String::new()), ("a b".to_owned(), "1+2&3=%2F中".to_owned())];
        let mut raw = String::new();
        push_query(&mut raw, &query);
        assert_eq!(raw, "uploads&a%20b=1%2B2%263%3D%252F%E4%B8%AD");
        assert_eq!(decode_query(&raw), Some(query));
    }

    #[test]
    fn a_plus_is_a_blank_in_a_query_and_a_plus_in_a_path() {
        assert_eq!(decode_query("a+b=c+d"), Some(vec![("a b".to_owned(), "c d".to_owned())]));
        assert_eq!(decode_path("/a+b%2B"), Some("/a+b+".to_owned()));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert_eq!(decode_path("/%FF"), None);
        assert_eq!(decode_query("a=%FF"), None);
    }
}
