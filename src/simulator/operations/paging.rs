//! What every list has: a limit, a prefix, grouping by a delimiter, and names that can be asked for percent-encoded.

use std::borrow::Cow;

use crate::{
    oss::encoding::encode_component,
    simulator::{errors::OssError, request::Incoming},
};

/// A name in a query is shorter than this.
const MAX_NAME_BYTES: usize = 1024;

/// `encoding-type=url`: names in the answer are percent-encoded, because XML cannot hold every character of a key.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct Encoding {
    url: bool,
}

impl Encoding {
    /// As the request asks; no other type exists.
    pub(in crate::simulator) fn of(incoming: &Incoming) -> Result<Self, OssError> {
        match incoming.query("encoding-type").unwrap_or_default() {
            "" => Ok(Self { url: false }),
            kind if kind.eq_ignore_ascii_case("url") => Ok(Self { url: true }),
            // The wording is an assumption.
            kind => {
                Err(OssError::invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", kind))
            }
        }
    }

    /// The element that says so.
    pub(in crate::simulator) fn name(self) -> Option<&'static str> {
        self.url.then_some("url")
    }

    pub(in crate::simulator) fn apply(self, text: &str) -> Cow<'_, str> {
        if self.url { Cow::Owned(encode_component(text)) } else { Cow::Borrowed(text) }
    }
}

/// `max-keys` and its kin.
pub(in crate::simulator) fn limit(
    incoming: &Incoming,
    name: &str,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, OssError> {
    let Some(text) = incoming.query(name).filter(|text| !text.is_empty()) else { return Ok(default) };
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        // The wording is an assumption.
        let message = format!("Argument {name} must be an integer between {} and {}.", range.start(), range.end());
        OssError::invalid_argument(message, name, text)
    })
}

/// A prefix, delimiter or marker; empty when it is not given.
pub(in crate::simulator) fn name<'a>(incoming: &'a Incoming, name: &str) -> Result<&'a str, OssError> {
    let text = incoming.query(name).unwrap_or_default();
    if text.len() < MAX_NAME_BYTES {
        return Ok(text);
    }
    // The wording is an assumption.
    Err(OssError::invalid_argument(format!("The length of {name} must be less than 1024."), name, text))
}

/// What a list shows.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Entry<T> {
    Item(T),
    /// All keys with this beginning, up to and with the delimiter.
    CommonPrefix(String),
}

/// The first entries, and whether there are more.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Page<T> {
    pub(in crate::simulator) entries: Vec<Entry<T>>,
    pub(in crate::simulator) is_truncated: bool,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulator) struct Wanted<'a> {
    pub(in crate::simulator) prefix: &'a str,
    pub(in crate::simulator) delimiter: &'a str,
    /// The last name of the page before: a key, or a common prefix.
    pub(in crate::simulator) after: &'a str,
    pub(in crate::simulator) limit: usize,
}

impl Wanted<'_> {
    /// Cuts a page out of items sorted by key, none of which is at or before `after`.
    pub(in crate::simulator) fn page<T>(self, items: impl Iterator<Item = T>, key: impl Fn(&T) -> &str) -> Page<T> {
        let mut entries: Vec<Entry<T>> = Vec::new();
        for item in items {
            let Some(rest) = key(&item).strip_prefix(self.prefix) else { continue };
            let at = if self.delimiter.is_empty() { None } else { rest.find(self.delimiter) };
            let common = at.map(|at| format!("{}{}", self.prefix, &rest[..at + self.delimiter.len()]));
            if common.as_deref() == Some(self.after) {
                continue;
            }
            if let (Some(common), Some(Entry::CommonPrefix(last))) = (&common, entries.last())
                && common == last
            {
                continue;
            }
            if entries.len() == self.limit {
                return Page { entries, is_truncated: true };
            }
            entries.push(common.map_or(Entry::Item(item), Entry::CommonPrefix));
        }
        Page { entries, is_truncated: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(wanted: Wanted<'_>) -> (Vec<String>, bool) {
        let keys = ["a", "fun/1", "fun/movie/1", "fun/movie/2", "fun/test", "z"];
        let page = wanted.page(keys.iter().filter(|key| **key > wanted.after), |key| key);
        let name = |entry: Entry<&&str>| match entry {
            Entry::Item(key) => (*key).to_owned(),
            Entry::CommonPrefix(prefix) => format!("[{prefix}]"),
        };
        (page.entries.into_iter().map(name).collect(), page.is_truncated)
    }

    #[test]
    fn a_page_is_cut_and_grouped() {
        let all = Wanted { prefix: "", delimiter: "", after: "", limit: 100 };
        let cases = [
            (all, "a fun/1 fun/movie/1 fun/movie/2 fun/test z", false),
            (Wanted { delimiter: "/", ..all }, "a [fun/] z", false),
            (Wanted { prefix: "fun/", delimiter: "/", ..all }, "fun/1 [fun/movie/] fun/test", false),
            (Wanted { delimiter: "/", limit: 2, ..all }, "a [fun/]", true),
            (Wanted { delimiter: "/", after: "fun/", limit: 2, ..all }, "z", false),
            (Wanted { delimiter: "/", after: "fun/1", ..all }, "[fun/] z", false),
            (Wanted { after: "fun/movie/1", limit: 2, ..all }, "fun/movie/2 fun/test", true),
            (Wanted { prefix: "fun/t", limit: 1, ..all }, "fun/test", false),
            (Wanted { prefix: "none", ..all }, "", false),
        ];
        for (wanted, expected, truncated) in cases {
            let (found, is_truncated) = names(wanted);
            assert_eq!((found.join(" ").as_str(), is_truncated), (expected, truncated), "{wanted:?}");
        }
    }
}
