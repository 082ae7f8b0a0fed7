//! Content types: which a profile allows, which a file name suggests, which extension belongs to one.

/// Longest content type we pin, in bytes; OSS keeps a header line well beyond it.
const MAX_LEN: usize = 255;

/// What is pinned when nothing is known.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// Whether `text` is `type/subtype` with optional parameters, in visible ASCII.
pub fn is_media_type(text: &str) -> bool {
    let is_token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    text.len() <= MAX_LEN
        && text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && text == text.trim()
        && essence(text).split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// Whether one of `patterns` (`image/png`, `image/*`, `*/*`) covers the type; no pattern at all covers everything.
pub fn is_allowed(content_type: &str, patterns: &[String]) -> bool {
    let essence = essence(content_type);
    patterns.is_empty()
        || patterns.iter().any(|pattern| match pattern.strip_suffix("/*") {
            Some("*") => true,
            Some(kind) => essence.split('/').next().is_some_and(|k| k.eq_ignore_ascii_case(kind)),
            None => pattern.eq_ignore_ascii_case(essence),
        })
}

/// The type that a file name suggests.
pub fn from_file_name(name: &str) -> Option<&'static str> {
    mime_guess::from_path(name).first_raw()
}

/// `{ext}`: follows the pinned content type where it has one, else the file name's `[a-z0-9]{1,10}`, else `bin`.
pub fn extension(content_type: &str, file_name: Option<&str>) -> String {
    let given = file_name.and_then(file_extension);
    let essence = essence(content_type).to_ascii_lowercase();
    if essence != OCTET_STREAM
        && let Some(known) = mime_guess::get_mime_extensions_str(&essence)
        && !known.is_empty()
    {
        return match given {
            Some(given) if known.contains(&given.as_str()) => given,
            _ => usual_extension(&essence).unwrap_or(known[0]).to_owned(),
        };
    }
    given.unwrap_or_else(|| "bin".to_owned())
}

/// The type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim_end()
}

/// The extension people expect, where the alphabetically first one would surprise (`jfif`, `asm`).
fn usual_extension(essence: &str) -> Option<&'static str> {
    Some(match essence {
        "image/jpeg" => "jpg",
        "image/tiff" => "tiff",
        "image/svg+xml" => "svg",
        "text/plain" => "txt",
        "text/html" => "html",
        "text/markdown" => "md",
        "application/xml" | "text/xml" => "xml",
        "application/javascript" | "text/javascript" => "js",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "audio/ogg" => "ogg",
        "video/mp4" => "mp4",
        "video/mpeg" => "mpg",
        "video/quicktime" => "mov",
        "application/msword" => "doc",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.ms-powerpoint" => "ppt",
        "application/zip" => "zip",
        _ => return None,
    })
}

fn file_extension(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let is_plain = (1..=10).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    is_plain.then_some(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_told_from_other_text() {
        for good in ["image/png", "text/plain; charset=utf-8", "application/vnd.ms-excel", "image/svg+xml"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in ["", "png", "image/", "/png", "image/png\r\nx: y", "image/pn g", " image/png", "图/片", "a/b/c"] {
            assert!(!is_media_type(bad), "{bad:?}");
        }
        assert!(!is_media_type(&format!("image/{}", "x".repeat(MAX_LEN))));
    }

    #[test]
    fn patterns_cover_families_and_ignore_case_and_parameters() {
        let images = vec!["image/*".to_owned()];
        assert!(is_allowed("image/png", &images) && is_allowed("IMAGE/PNG; q=1", &images));
        assert!(!is_allowed("imagex/png", &images) && !is_allowed("text/html", &images));
        let png = vec!["image/png".to_owned()];
        assert!(is_allowed("image/PNG", &png) && !is_allowed("image/png2", &png));
        assert!(is_allowed("x/y", &[]) && is_allowed("x/y", &["*/*".to_owned()]));
    }

    #[test]
    fn the_extension_follows_the_type_then_the_name_then_gives_up() {
        let cases = [
            ("image/png", Some("me.png"), "png", "both agree"),
            ("image/png", Some("page.html"), "png", "the type wins over a lying name"),
            ("image/jpeg", Some("a.JPEG"), "jpeg", "a name that fits the type is kept, in lower case"),
            ("image/jpeg", None, "jpg", "the usual one"),
            ("application/octet-stream", Some("x.dat"), "dat", "no extension belongs to octet-stream"),
            ("application/x-unheard-of", Some("x.tar.gz"), "gz", "an unknown type follows the name"),
            ("application/octet-stream", Some("x.p~p"), "bin", "an odd extension is not taken"),
            ("application/octet-stream", Some("x.12345678901"), "bin", "nor a long one"),
            ("application/octet-stream", Some("noext"), "bin", "nothing known"),
            ("application/octet-stream", None, "bin", "nothing at all"),
        ];
        for (content_type, name, expected, why) in cases {
            assert_eq!(extension(content_type, name), expected, "{why}");
        }
    }
}
