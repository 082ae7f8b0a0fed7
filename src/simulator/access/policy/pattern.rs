//! Wildcards: `*` for any number of characters, none too, and `?` for exactly one.

/// How two characters compare.
pub(super) type Same = fn(char, char) -> bool;

/// Letter by letter.
pub(super) fn exactly(a: char, b: char) -> bool {
    a == b
}

/// ASCII letters in either case.
pub(super) fn in_any_case(a: char, b: char) -> bool {
    a.eq_ignore_ascii_case(&b)
}

/// Whether `pattern` covers all of `text`.
///
/// Goes back to the last `*` only: what an earlier one took can't matter any more. No recursion, so no pattern is a bomb.
pub(super) fn matches(pattern: &str, text: &str, same: Same) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut retry = None;
    loop {
        let (before, rest) = (pattern.clone(), text.clone());
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = rest;
                retry = Some((pattern.clone(), text.clone()));
                continue;
            }
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(given)) if same(wanted, given) => continue,
            _ => drop((before, rest)),
        }
        let Some((after_star, mut from)) = retry else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after_star.clone(), from.clone());
        retry = Some((after_star, from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_what_they_should() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("*", "", true),
            ("*", "any/thing", true),
            ("?", "", false),
            ("?", "a", true),
            ("?", "中", true),
            ("?", "ab", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "banana", true),
            ("a*c", "abc/abd", false),
            ("a*c", "abc/abc", true),
            ("a**c", "ac", true),
            ("*/u?/*", "x/u1/", true),
            ("*/u?/*", "x/u/1", false),
            ("up*/*.jpg", "uploads/a/b.jpg", true),
            ("A", "a", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text, exactly), expected, "{pattern:?} {text:?}");
        }
        assert!(matches("OSS:put*", "oss:PutObject", in_any_case));
    }

    #[test]
    fn a_pattern_of_many_stars_is_judged_at_once() {
        let (pattern, text) = ("a*".repeat(500) + "b", "a".repeat(1000));
        assert!(!matches(&pattern, &text, exactly));
    }
}
