//! The demo page and the client library it stands on: files, compiled in. `http` serves them.
//!
//! The page loads nothing from elsewhere and runs no inline script, so it can be served under
//! [`CONTENT_SECURITY_POLICY`]. The token reaches it in the URL's fragment, which no server sees.

/// The policy for the demo page: own scripts and styles only; any origin may be called, for the bucket can be anywhere.
/// Inline styles or scripts would break under it, silently.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src *; \
     img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file, ready to be served.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// The path on the public port.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The file.
    pub bytes: &'static [u8],
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The client library and its typings: served always.
pub const CLIENT: &[Asset] = &[
    Asset { path: "/client.js", content_type: JAVASCRIPT, bytes: include_bytes!("client.js") },
    Asset { path: "/client.d.ts", content_type: "text/plain; charset=utf-8", bytes: include_bytes!("client.d.ts") },
];

/// The page: served where `[demo] enabled`, under [`CONTENT_SECURITY_POLICY`].
pub const PAGE: &[Asset] = &[
    Asset { path: "/demo", content_type: "text/html; charset=utf-8", bytes: include_bytes!("demo.html") },
    Asset { path: "/demo/demo.js", content_type: JAVASCRIPT, bytes: include_bytes!("demo.js") },
    Asset { path: "/demo/item.js", content_type: JAVASCRIPT, bytes: include_bytes!("item.js") },
    Asset { path: "/demo/words.js", content_type: JAVASCRIPT, bytes: include_bytes!("words.js") },
    Asset { path: "/demo/demo.css", content_type: "text/css; charset=utf-8", bytes: include_bytes!("demo.css") },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> &'static str {
        let asset = PAGE.iter().chain(CLIENT).find(|asset| asset.path == path).expect("such an asset");
        std::str::from_utf8(asset.bytes).expect("UTF-8")
    }

    /// What stands between `before` and the next `"`.
    fn quoted<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
        text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
    }

    #[test]
    fn every_script_and_style_of_the_page_is_an_asset() {
        let page = text("/demo");
        let own: Vec<&str> =
            quoted(page, "src=\"").chain(quoted(page, "href=\"")).filter(|it| !it.starts_with("data:")).collect();
        assert_eq!(own, ["demo/demo.js", "demo/demo.css"]);
        for path in own {
            assert!(PAGE.iter().any(|asset| asset.path == format!("/{path}")), "{path} is not served");
        }
    }

    #[test]
    fn every_import_is_an_asset() {
        let all: Vec<&str> = PAGE.iter().chain(CLIENT).map(|asset| asset.path).collect();
        for script in ["/demo/demo.js", "/demo/item.js", "/demo/words.js", "/client.js"] {
            for import in quoted(text(script), " from \"") {
                let served = import.replace("../", "/").replace("./", "/demo/");
                assert!(all.contains(&served.as_str()), "{script} imports {import}, which is not served");
            }
        }
    }

    #[test]
    fn nothing_on_the_page_is_inline() {
        let page = text("/demo");
        for forbidden in
            [" style=", "<style", " onclick=", " onload=", "<script>", "javascript:", "http://cdn", "https://"]
        {
            assert!(!page.contains(forbidden), "{forbidden} breaks under the content security policy");
        }
    }

    #[test]
    fn text_reaches_the_page_only_as_text() {
        for script in ["/demo/demo.js", "/demo/item.js", "/demo/words.js", "/client.js"] {
            for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                assert!(!text(script).contains(forbidden), "{script} uses {forbidden}");
            }
        }
    }
}
