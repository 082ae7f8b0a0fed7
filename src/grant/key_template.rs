//! Key templates: the only way that user-supplied text reaches an object key, escaped injectively.
//!
//! A fixed template gives two different keys for two different (user, variables): `/` never occurs in an escaped value, so
//! segments can be told apart; `{user_id}` has one to itself; and where a segment holds several `{var:…}`, the separators
//! `-` and `.` are escaped in their values as well, since they say where one ends and the next begins.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Utc};

/// Longest object key that OSS takes, in UTF-8 bytes.
pub const MAX_KEY_LEN: usize = 1023;
/// Longest user id, in bytes; escaped it may take three times as many, which still leaves room in a key.
pub const MAX_USER_ID_LEN: usize = 128;

/// A parsed template such as `avatars/{user_id}/{id}.{ext}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate {
    pieces: Vec<Piece>,
}

/// Why a template is refused, for the configuration's author.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidTemplate(pub String);

/// What the placeholders stand for.
#[derive(Debug, Clone)]
pub struct KeyFacts<'a> {
    /// `{user_id}`.
    pub user_id: &'a str,
    /// `{id}`.
    pub id: &'a str,
    /// `{ext}`; already one of the safe ones.
    pub ext: &'a str,
    /// `{profile}`.
    pub profile: &'a str,
    /// `{yyyy}`, `{mm}`, `{dd}` in UTC.
    pub now: DateTime<Utc>,
    /// `{var:NAME}`.
    pub vars: &'a [(String, String)],
}

/// Why no key can be made of these facts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnusableKey {
    /// Empty, longer than 128 bytes: `user_id_unusable`.
    #[error("the user id can't be used in a key")]
    UserId,
    /// A variable of the template is empty or absent.
    #[error("the variable `{0}` is needed for the key")]
    Variable(String),
    /// Longer than 1023 bytes.
    #[error("the key would be longer than {MAX_KEY_LEN} bytes")]
    TooLong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// `[A-Za-z0-9_.-]+`, never a `/`.
    Literal(String),
    Slash,
    UserId,
    Id,
    Ext,
    Profile,
    Year,
    Month,
    Day,
    Var(String),
}

impl KeyTemplate {
    /// Parses a template for an object key.
    ///
    /// # Errors
    /// Unknown placeholder, `{user_id}` not alone in its segment, placeholders not separated by `/`, `-` or `.`, leading `/`, ….
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let pieces = pieces(text)?;
        check_segments(&pieces, text)?;
        Ok(Self { pieces })
    }

    /// Parses a template for a directory: as [`Self::parse`], ends in `/`, without `{ext}`.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_directory(text: &str) -> Result<Self, InvalidTemplate> {
        let Some(segments) = text.strip_suffix('/') else {
            return invalid(format!("a directory ends in `/`: {text:?}"));
        };
        let mut template = Self::parse(segments)?;
        if template.pieces.contains(&Piece::Ext) {
            return invalid("`{ext}` belongs to objects, not to directories");
        }
        template.pieces.push(Piece::Slash);
        Ok(template)
    }

    /// Whether `{id}` makes every key unique.
    pub fn has_id(&self) -> bool {
        self.pieces.contains(&Piece::Id)
    }

    /// Whether `{user_id}` occurs.
    pub fn has_user_id(&self) -> bool {
        self.pieces.contains(&Piece::UserId)
    }

    /// What all keys of this profile begin with.
    pub fn fixed_prefix(&self, profile: &str) -> String {
        let fixed = self.pieces.iter().map_while(|piece| match piece {
            Piece::Literal(text) => Some(text.clone()),
            Piece::Slash => Some("/".to_owned()),
            Piece::Profile => Some(escape(profile)),
            _ => None,
        });
        fixed.collect()
    }

    /// The names of `{var:NAME}`.
    pub fn variables(&self) -> Vec<&str> {
        self.pieces
            .iter()
            .filter_map(|piece| if let Piece::Var(name) = piece { Some(name.as_str()) } else { None })
            .collect()
    }

    /// The key.
    ///
    /// # Errors
    /// When the facts can't make one.
    pub fn render(&self, facts: &KeyFacts<'_>) -> Result<String, UnusableKey> {
        if facts.user_id.is_empty() || facts.user_id.len() > MAX_USER_ID_LEN {
            return Err(UnusableKey::UserId);
        }
        let mut key = String::new();
        for segment in self.pieces.split_inclusive(|piece| *piece == Piece::Slash) {
            let several = segment.iter().filter(|piece| matches!(piece, Piece::Var(_))).count() > 1;
            for piece in segment {
                piece.render(facts, several, &mut key)?;
            }
        }
        if key.len() > MAX_KEY_LEN { Err(UnusableKey::TooLong) } else { Ok(key) }
    }
}

/// Every byte outside `[A-Za-z0-9_-]` and non-leading `.` becomes `~XX`; injective.
pub fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    escape_into(value, Separators::Kept, &mut escaped);
    escaped
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separators {
    Kept,
    Escaped,
}

fn escape_into(value: &str, separators: Separators, out: &mut String) {
    for (i, byte) in value.bytes().enumerate() {
        let kept = match byte {
            b'-' => separators == Separators::Kept,
            b'.' => separators == Separators::Kept && i > 0,
            b'_' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        if kept {
            out.push(char::from(byte));
        } else {
            write!(out, "~{byte:02X}").expect("a String takes everything");
        }
    }
}

impl Piece {
    fn placeholder(name: &str) -> Option<Self> {
        Some(match name {
            "user_id" => Self::UserId,
            "id" => Self::Id,
            "ext" => Self::Ext,
            "profile" => Self::Profile,
            "yyyy" => Self::Year,
            "mm" => Self::Month,
            "dd" => Self::Day,
            _ => Self::Var(name.strip_prefix("var:").filter(|name| is_variable_name(name))?.to_owned()),
        })
    }

    fn is_placeholder(&self) -> bool {
        !matches!(self, Self::Literal(_) | Self::Slash)
    }

    fn render(&self, facts: &KeyFacts<'_>, several_vars: bool, key: &mut String) -> Result<(), UnusableKey> {
        let (text, separators) = match self {
            Self::Literal(text) => {
                key.push_str(text);
                return Ok(());
            }
            Self::Slash => {
                key.push('/');
                return Ok(());
            }
            Self::UserId => (facts.user_id, Separators::Kept),
            Self::Id => (facts.id, Separators::Kept),
            Self::Ext => (facts.ext, Separators::Kept),
            Self::Profile => (facts.profile, Separators::Kept),
            Self::Year => (&*format!("{:04}", facts.now.year()), Separators::Kept),
            Self::Month => (&*format!("{:02}", facts.now.month()), Separators::Kept),
            Self::Day => (&*format!("{:02}", facts.now.day()), Separators::Kept),
            Self::Var(name) => {
                let value = facts.vars.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str());
                let separators = if several_vars { Separators::Escaped } else { Separators::Kept };
                (value.ok_or_else(|| UnusableKey::Variable(name.clone()))?, separators)
            }
        };
        escape_into(text, separators, key);
        Ok(())
    }
}

/// `[a-z][a-z0-9_]*`, as a profile's variables are named.
fn is_variable_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && name.bytes().all(allowed)
}

fn pieces(text: &str) -> Result<Vec<Piece>, InvalidTemplate> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('{') {
            let Some((name, after)) = inside.split_once('}') else {
                return invalid(format!("`{{` without `}}` in {text:?}"));
            };
            match Piece::placeholder(name) {
                Some(piece) => pieces.push(piece),
                None => return invalid(format!("unknown placeholder `{{{name}}}`")),
            }
            rest = after;
        } else if let Some(after) = rest.strip_prefix('/') {
            pieces.push(Piece::Slash);
            rest = after;
        } else {
            let end = rest.find(['{', '/']).unwrap_or(rest.len());
            let (literal, after) = rest.split_at(end);
            if let Some(bad) = literal.chars().find(|c| !(c.is_ascii_alphanumeric() || "_.-".contains(*c))) {
                return invalid(format!("{bad:?} can't stand in a key; use A-Z a-z 0-9 _ . - /"));
            }
            pieces.push(Piece::Literal(literal.to_owned()));
            rest = after;
        }
    }
    Ok(pieces)
}

fn check_segments(pieces: &[Piece], text: &str) -> Result<(), InvalidTemplate> {
    for segment in pieces.split(|piece| *piece == Piece::Slash) {
        match segment {
            [] => return invalid(format!("an empty segment, or `/` at the start or end, in {text:?}")),
            [Piece::Literal(literal)] if literal == "." || literal == ".." => {
                return invalid(format!("a segment can't be `{literal}`"));
            }
            [_] => {}
            _ if segment.contains(&Piece::UserId) => return invalid("`{user_id}` must have its segment to itself"),
            _ => check_separated(segment)?,
        }
    }
    Ok(())
}

/// Between two placeholders of a segment stands a literal that holds `-` or `.`.
fn check_separated(segment: &[Piece]) -> Result<(), InvalidTemplate> {
    let mut separated = true;
    for piece in segment {
        if let Piece::Literal(literal) = piece {
            separated |= literal.contains(['-', '.']);
        } else if piece.is_placeholder() {
            if !separated {
                return invalid("placeholders are separated by `/`, `-` or `.`");
            }
            separated = false;
        }
    }
    Ok(())
}

fn invalid<T>(why: impl Into<String>) -> Result<T, InvalidTemplate> {
    Err(InvalidTemplate(why.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn var(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn render(template: &str, user_id: &str, vars: &[(String, String)]) -> Result<String, UnusableKey> {
        let now = DateTime::from_timestamp(1_772_463_845, 0).unwrap();
        let facts = KeyFacts { user_id, id: "0193-ab", ext: "png", profile: "avatar", now, vars };
        KeyTemplate::parse(template).unwrap().render(&facts)
    }

    #[test]
    fn placeholders_stand_for_the_facts() {
        let vars = [var("album", "4.2"), var("note", "a-b")];
        let cases = [
            ("avatars/{user_id}/{id}.{ext}", "avatars/u-7/0193-ab.png"),
            ("{profile}/{yyyy}/{mm}/{dd}/{id}", "avatar/2026/03/02/0193-ab"),
            ("{yyyy}-{mm}-{dd}.{ext}", "2026-03-02.png"),
            ("img_{id}.{ext}", "img_0193-ab.png"),
            ("{var:album}/{var:note}", "4.2/a-b"),
            ("{var:album}-{var:note}", "4~2E2-a~2Db"),
            ("a.b/.hidden/{id}", "a.b/.hidden/0193-ab"),
        ];
        for (template, key) in cases {
            assert_eq!(render(template, "u-7", &vars).unwrap(), key, "{template}");
        }
    }

    #[test]
    fn user_text_is_escaped() {
        let cases = [
            ("u-7_X.y", "u-7_X.y"),
            ("../x", "~2E.~2Fx"),
            (".", "~2E"),
            ("~", "~7E"),
            ("a b*?", "a~20b~2A~3F"),
            ("é", "~C3~A9"),
            ("e\u{301}", "e~CC~81"),
        ];
        for (value, escaped) in cases {
            assert_eq!(escape(value), escaped, "{value:?}");
            assert_eq!(render("{user_id}/x", value, &[]).unwrap(), format!("{escaped}/x"), "{value:?}");
        }
    }

    #[test]
    fn bad_templates_are_refused() {
        let cases = [
            ("nothing", ""),
            ("leading slash", "/a/{id}"),
            ("trailing slash", "a/{id}/"),
            ("empty segment", "a//{id}"),
            ("dot segment", "a/./{id}"),
            ("parent segment", "../{id}"),
            ("unknown placeholder", "{uid}"),
            ("unclosed placeholder", "{id"),
            ("stray brace", "a}/{id}"),
            ("user id beside a literal", "u-{user_id}/{id}"),
            ("user id beside a placeholder", "{user_id}-{id}"),
            ("placeholders that touch", "{id}{ext}"),
            ("placeholders with a letter between", "{id}x{ext}"),
            ("a blank", "my files/{id}"),
            ("a wildcard", "a*/{id}"),
            ("the escape character", "~/{id}"),
            ("not ASCII", "ü/{id}"),
            ("a variable without name", "{var:}"),
            ("a variable in upper case", "{var:Album}"),
        ];
        for (what, template) in cases {
            assert!(KeyTemplate::parse(template).is_err(), "{what}: {template:?}");
        }
    }

    #[test]
    fn a_directory_ends_in_a_slash_and_has_no_extension() {
        for bad in ["a/{id}", "/", "", "a//", "a/{id}.{ext}/"] {
            assert!(KeyTemplate::parse_directory(bad).is_err(), "{bad:?}");
        }
        let directory = KeyTemplate::parse_directory("documents/{user_id}/{id}/").unwrap();
        assert!(directory.has_id() && directory.has_user_id());
        let facts = KeyFacts { user_id: "u", id: "7", ext: "", profile: "p", now: DateTime::UNIX_EPOCH, vars: &[] };
        assert_eq!(directory.render(&facts).unwrap(), "documents/u/7/");
    }

    #[test]
    fn the_prefix_that_all_keys_share_ends_where_they_differ() {
        for (template, prefix) in [
            ("videos/{user_id}/{id}.{ext}", "videos/"),
            ("a/b-{yyyy}/{id}", "a/b-"),
            ("{profile}/x/{id}", "p/x/"),
            ("{user_id}/{id}", ""),
        ] {
            assert_eq!(KeyTemplate::parse(template).unwrap().fixed_prefix("p"), prefix, "{template}");
        }
    }

    #[test]
    fn unusable_facts_are_refused() {
        let long = "u".repeat(MAX_USER_ID_LEN + 1);
        assert_eq!(render("{user_id}/{id}", "", &[]), Err(UnusableKey::UserId));
        assert_eq!(render("{user_id}/{id}", &long, &[]), Err(UnusableKey::UserId));
        assert!(render("{user_id}/{id}", &long[1..], &[]).is_ok());
        let missing = Err(UnusableKey::Variable("a".to_owned()));
        assert_eq!(render("{var:a}", "u", &[]), missing);
        assert_eq!(render("{var:a}", "u", &[var("a", "")]), missing);
        let escaped_to_1024 = format!("{}x", "*".repeat(341));
        assert_eq!(render("{var:a}", "u", &[var("a", &escaped_to_1024)]), Err(UnusableKey::TooLong));
        assert_eq!(render("{var:a}", "u", &[var("a", &"*".repeat(341))]).unwrap().len(), MAX_KEY_LEN);
        assert_eq!(KeyTemplate::parse("{var:a}/{var:b}").unwrap().variables(), ["a", "b"]);
    }

    fn unescape(escaped: &str) -> Vec<u8> {
        let mut bytes = escaped.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            out.push(if byte == b'~' {
                let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            } else {
                byte
            });
        }
        out
    }

    const TEMPLATES: [&str; 4] = [
        "{user_id}/{var:a}-{var:b}",
        "x/{user_id}/{var:a}.{id}.{ext}/{var:b}",
        "{var:a}_x-y_{var:b}/{user_id}",
        "{profile}.{var:a}.-.{var:b}/{user_id}/{id}",
    ];

    /// Few letters, so that collisions would be found, and all the troublesome ones.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[a./~_x-]{1,6}", "\\PC{1,12}"]
    }

    proptest! {
        #[test]
        fn escape_can_be_undone(value in any::<String>()) {
            prop_assert_eq!(unescape(&escape(&value)), value.as_bytes());
        }

        #[test]
        fn different_users_and_variables_never_share_a_key(
            ours in [text(), text(), text()], theirs in [text(), text(), text()], template in 0..TEMPLATES.len(),
        ) {
            let key = |f: &[String; 3]| render(TEMPLATES[template], &f[0], &[var("a", &f[1]), var("b", &f[2])]);
            prop_assert_eq!(key(&ours).unwrap() == key(&theirs).unwrap(), ours == theirs);
        }

        #[test]
        fn keys_hold_only_safe_bytes_and_no_dot_segments(facts in [text(), text(), text()], template in 0..TEMPLATES.len()) {
            let key = render(TEMPLATES[template], &facts[0], &[var("a", &facts[1]), var("b", &facts[2])]).unwrap();
            prop_assert!(key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-~/".contains(&b)), "{}", key);
            prop_assert!(key.split('/').all(|segment| !["", ".", ".."].contains(&segment)), "{}", key);
        }
    }
}
