//! Writing OSS's XML answers.

use actix_web::{HttpResponse, HttpResponseBuilder};

use crate::oss::xml::escape;

/// A document in the making: elements in order, indented.
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// Begins with the declaration and the root.
    pub(super) fn new(root: &'static str) -> Self {
        let mut xml = Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() };
        xml.begin(root);
        xml
    }

    /// An element with text.
    pub(super) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.indent();
        for part in ["<", name, ">", &escape(text), "</", name, ">\n"] {
            self.text.push_str(part);
        }
        self
    }

    /// An element only where there is something to say.
    pub(super) fn optional(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// An element with elements inside.
    pub(super) fn element(&mut self, name: &'static str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.begin(name);
        fill(self);
        self.end();
        self
    }

    /// The whole document.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }

    /// The document as the answer of a request that succeeded.
    pub(super) fn answer(self) -> HttpResponse {
        self.answer_as(&mut HttpResponse::Ok())
    }

    /// The same, with headers that are set already.
    pub(super) fn answer_as(self, response: &mut HttpResponseBuilder) -> HttpResponse {
        response.content_type("application/xml").body(self.finish())
    }

    fn begin(&mut self, name: &'static str) {
        self.indent();
        for part in ["<", name, ">\n"] {
            self.text.push_str(part);
        }
        self.open.push(name);
    }

    fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            for part in ["</", name, ">\n"] {
                self.text.push_str(part);
            }
        }
    }

    fn indent(&mut self) {
        for _ in &self.open {
            self.text.push_str("  ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_and_texts_are_escaped() {
        let mut xml = Xml::new("A");
        xml.text("B", "<&>").optional("C", None).element("D", |inner| {
            inner.text("E", "");
        });
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A>\n  <B>&lt;&amp;&gt;</B>\n  <D>\n    <E></E>\n  </D>\n</A>\n";
        assert_eq!(xml.finish(), expected);
    }
}
