//! The client's file name: metadata and an extension, never a path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Longest file name in bytes: what the usual file systems hold.
const MAX_LEN: usize = 255;

/// RFC 5987 `attr-char`: what needs no escape in `filename*`.
const EXT_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A file name without its directories, if it is usable.
///
/// # Errors
/// Says what is wrong, for people.
pub fn parse(text: &str) -> Result<String, String> {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() || name == "." || name == ".." {
        return Err("there is no file name in it".to_owned());
    }
    if text.len() > MAX_LEN {
        return Err(format!("longer than {MAX_LEN} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("it has control characters".to_owned());
    }
    Ok(name.to_owned())
}

/// `Content-Disposition` with the original name: a plain ASCII form, and the exact one (RFC 6266, RFC 5987).
pub fn content_disposition(disposition: &str, name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii() && !matches!(c, '"' | '\\' | '%') { c } else { '_' }).collect();
    format!("{disposition}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, EXT_VALUE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_dropped_and_unusable_names_refused() {
        assert_eq!(parse("../../etc/passwd").as_deref(), Ok("passwd"));
        assert_eq!(parse(r"C:\fakepath\me.png").as_deref(), Ok("me.png"));
        assert_eq!(parse("100% ~ 图.png").as_deref(), Ok("100% ~ 图.png"));
        for bad in ["", "/", "..", "a/..", "a\nb.png", "a\u{85}b", &"x".repeat(256)] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_original_name_survives_in_the_extended_form() {
        assert_eq!(
            content_disposition("attachment", "a\"b 图.png"),
            "attachment; filename=\"a_b _.png\"; filename*=UTF-8''a%22b%20%E5%9B%BE.png"
        );
    }
}
