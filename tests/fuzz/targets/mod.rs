//! What is fuzzed: one target for each parser, a plain function with assertions of its own.
//!
//! Shared by the fuzzing package and by `tests/corpus.rs`, which replays every committed input every day.

mod authorization;
mod callback;
mod callback_form_body;
mod callback_json_body;
mod callback_signature;
mod callback_vars;
mod credential;
mod endpoint;
mod error_document;
mod file_name;
mod form_signature;
mod key_template;
mod media_type;
mod post_policy;
mod ram_policy;
mod seal;
mod settings;
mod substitution;
mod ticket;
mod url_encoding;
mod xml_document;

/// Takes an input, and panics where a promise is broken.
pub(crate) type Target = fn(&[u8]);

/// Every target by its name: that of its module, its binary and its folder in `corpus`.
pub(crate) const TARGETS: [(&str, Target); 21] = [
    ("authorization", authorization::target),
    ("callback", callback::target),
    ("callback_form_body", callback_form_body::target),
    ("callback_json_body", callback_json_body::target),
    ("callback_signature", callback_signature::target),
    ("callback_vars", callback_vars::target),
    ("credential", credential::target),
    ("endpoint", endpoint::target),
    ("error_document", error_document::target),
    ("file_name", file_name::target),
    ("form_signature", form_signature::target),
    ("key_template", key_template::target),
    ("media_type", media_type::target),
    ("post_policy", post_policy::target),
    ("ram_policy", ram_policy::target),
    ("seal", seal::target),
    ("settings", settings::target),
    ("substitution", substitution::target),
    ("ticket", ticket::target),
    ("url_encoding", url_encoding::target),
    ("xml_document", xml_document::target),
];

/// The input as text, where it is any.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The input's lines; missing ones are empty. Only the last may hold line ends.
fn lines<const N: usize>(text: &str) -> [&str; N] {
    let mut lines = text.splitn(N, '\n');
    std::array::from_fn(|_| lines.next().unwrap_or_default())
}
