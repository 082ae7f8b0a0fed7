//! Text that somebody else has chosen, so that it stays on its line and moves no cursor.

use std::fmt::Write as _;

/// The longest value in a line, in bytes.
const MAX_LEN: usize = 4096;

/// Writes `text` as the inside of a JSON string, in which nothing is left that a terminal, a viewer or a line reader obeys.
pub(super) fn write_escaped(out: &mut String, text: &str) {
    let shown = &text[..text.floor_char_boundary(MAX_LEN)];
    for c in shown.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_obeyed(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // A String takes everything.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    if shown.len() < text.len() {
        out.push('…');
    }
}

/// Controls, ends of lines and paragraphs, marks of direction, and what can't be seen.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        write_escaped(&mut out, text);
        out
    }

    #[test]
    fn nothing_is_obeyed_and_json_reads_it_back() {
        for (text, shown) in [
            ("plain 用户 é", "plain 用户 é"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\x1b[31mred\x07\0", "\\u001b[31mred\\u0007\\u0000"),
            ("\u{7f}\u{9b}31m", "\\u007f\\u009b31m"),
            ("a\u{2028}b\u{2029}c\u{85}d", "a\\u2028b\\u2029c\\u0085d"),
            ("\u{202e}gpj.exe\u{feff}\u{200b}", "\\u202egpj.exe\\ufeff\\u200b"),
            ("\u{e0041}", "\\udb40\\udc41"),
            ("\"\\", "\\\"\\\\"),
        ] {
            assert_eq!(escaped(text), shown);
            assert_eq!(serde_json::from_str::<String>(&format!("\"{shown}\"")).unwrap(), text);
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let shown = escaped(&"é".repeat(MAX_LEN));
        assert_eq!(shown.chars().count(), MAX_LEN / 2 + 1);
        assert!(shown.ends_with('…'));
    }
}
