//! The XML reader: what is read, written again, is read as the same.

use oss_valet::oss::xml::{Element, MAX_DOCUMENT, escape};

pub(super) fn target(data: &[u8]) {
    let Some(element) = super::text(data).and_then(Element::parse) else { return };
    check(&element, 0);
    let mut written = String::new();
    write(&element, &mut written);
    if written.len() <= MAX_DOCUMENT {
        assert_eq!(Element::parse(&written), Some(held(element)), "{written}");
    }
}

fn check(element: &Element, depth: usize) {
    assert!(depth < 16, "no deeper than the reader goes");
    assert!(!element.name.is_empty() && !element.name.contains([':', '<', '>', '&', ' ']), "{:?}", element.name);
    for child in &element.children {
        check(child, depth + 1);
    }
}

fn write(element: &Element, out: &mut String) {
    let Element { name, text, children } = element;
    out.extend(["<", name, ">", &escape(text)]);
    for child in children {
        write(child, out);
    }
    out.extend(["</", name, ">"]);
}

/// With the characters that XML can't hold replaced, as the writer does it.
fn held(mut element: Element) -> Element {
    element.text = super::error_document::held(&element.text);
    element.children = element.children.into_iter().map(held).collect();
    element
}
