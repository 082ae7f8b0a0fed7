//! A small XML reader: elements and text, no attributes kept, no entities beyond XML's own, no DTD.

use std::borrow::Cow;

/// The longest document that is read, bytes: a thousand entries of a listing and their keys fit.
///
/// What answers in our place may be anything; a reader without a bound is a way to fill our memory.
pub const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// The deepest nesting that is read; OSS's documents have three or four levels.
const MAX_DEPTH: usize = 16;

/// One element: its name without prefix, its own text, its children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// The local name.
    pub name: String,
    /// Text directly inside; the blanks between children are not kept.
    pub text: String,
    /// Child elements, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a document; `None` when it is not well-formed, too long or too deep, or holds a DTD.
    pub fn parse(xml: &str) -> Option<Self> {
        if xml.len() > MAX_DOCUMENT {
            return None;
        }
        let mut reader = Reader { rest: xml.trim_start_matches('\u{feff}') };
        reader.skip_misc()?;
        let root = reader.element(0)?;
        reader.skip_misc()?;
        reader.rest.is_empty().then_some(root)
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of this name, in order.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of this name.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// `text` as it may stand inside an element. A carriage return is written as a reference, else a reader turns it into a line feed;
/// characters that XML cannot hold become U+FFFD.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| matches!(c, '&' | '<' | '>' | '"' | '\'' | '\r') || !is_xml_char(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#13;"),
            c if is_xml_char(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    Cow::Owned(out)
}

fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Blanks, comments and processing instructions around the root. A DTD stays, and is no element.
    fn skip_misc(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            if self.eat("<?") {
                self.until("?>")?;
            } else if self.eat("<!--") {
                self.until("-->")?;
            } else {
                return Some(());
            }
        }
    }

    fn element(&mut self, depth: usize) -> Option<Element> {
        if depth >= MAX_DEPTH || !self.eat("<") {
            return None;
        }
        let tag = self.until(">")?;
        let (tag, is_empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let qualified = tag.split_ascii_whitespace().next().filter(|name| tag.starts_with(name))?;
        // A prefix and what follows it are names both.
        if !qualified.split(':').all(is_name) {
            return None;
        }
        let name = qualified.rsplit(':').next().unwrap_or(qualified).to_owned();
        let mut element = Element { name, ..Element::default() };
        if !is_empty {
            self.content(&mut element, qualified, depth)?;
        }
        Some(element)
    }

    /// Everything up to and with the end tag.
    fn content(&mut self, element: &mut Element, qualified: &str, depth: usize) -> Option<()> {
        loop {
            let text = self.text_before_markup()?;
            unescape_into(&mut element.text, text)?;
            if self.eat("</") {
                let closed = self.until(">")?.trim_end();
                if !element.children.is_empty() && element.text.trim().is_empty() {
                    element.text.clear();
                }
                return (closed == qualified).then_some(());
            } else if self.eat("<!--") {
                self.until("-->")?;
            } else if self.eat("<![CDATA[") {
                element.text.push_str(self.until("]]>")?);
            } else {
                let child = self.element(depth + 1)?;
                element.children.push(child);
            }
        }
    }

    fn text_before_markup(&mut self) -> Option<&'a str> {
        let (text, rest) = self.rest.split_at(self.rest.find('<')?);
        self.rest = rest;
        Some(text)
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn until(&mut self, token: &str) -> Option<&'a str> {
        let (before, after) = self.rest.split_once(token)?;
        self.rest = after;
        Some(before)
    }
}

/// Appends `text` with its references resolved; `None` at one that XML does not define.
fn unescape_into(out: &mut String, text: &str) -> Option<()> {
    let mut pieces = text.split('&');
    out.push_str(pieces.next()?);
    for piece in pieces {
        let (reference, after) = piece.split_once(';')?;
        out.push(match reference {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => numeric_reference(reference)?,
        });
        out.push_str(after);
    }
    Some(())
}

fn numeric_reference(reference: &str) -> Option<char> {
    let digits = reference.strip_prefix('#')?;
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_into_its_elements() {
        let xml = "<?xml version=\"1.0\"?>\n<!-- c --><ListPartsResult xmlns=\"http://doc.oss-cn-hangzhou.aliyuncs.com\">\n  <Part>\n    <PartNumber>1</PartNumber>\
                   <ETag>&quot;A&quot;</ETag></Part><Part><PartNumber>2</PartNumber><ETag><![CDATA[\"<B>\"]]></ETag></Part><IsTruncated/></ListPartsResult>\n";
        let root = Element::parse(xml).unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str()), ("ListPartsResult", ""));
        let etags: Vec<_> = root.children_named("Part").filter_map(|part| part.child_text("ETag")).collect();
        assert_eq!(etags, ["\"A\"", "\"<B>\""]);
        assert_eq!(root.child_text("IsTruncated"), Some(""));
        assert_eq!(root.child_text("Missing"), None);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let deep = "<a>".repeat(40) + &"</a>".repeat(40);
        let long = format!("<a>{}</a>", "x".repeat(MAX_DOCUMENT));
        let broken = [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&nbsp;</a>",
            "<a>&#xZZ;</a>",
            "<a>&#xD800;</a>",
            "<a>& b</a>",
            "< a></a>",
            "<1/>",
            "<a:/>",
            "<a:1/>",
            "<:a/>",
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            "<a><!-- </a>",
            "<a><![CDATA[</a>",
            deep.as_str(),
            long.as_str(),
        ];
        for xml in broken {
            assert_eq!(Element::parse(xml), None, "{xml:.60}");
        }
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_replaced() {
        assert_eq!(escape("a\u{0}b\u{ffff}"), "a\u{fffd}b\u{fffd}");
        assert!(matches!(escape("plain 中\n"), Cow::Borrowed(_)));
    }
}
