//! The process environment, read once. Whoever needs a variable is handed this snapshot.

use std::{collections::BTreeMap, fmt};

/// A snapshot of environment variables. `Debug` shows names only: values may be secrets.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process; those that are not UTF-8 are left out.
    #[expect(clippy::disallowed_methods, reason = "the one legitimate reader of the environment")]
    pub fn capture() -> Self {
        // `std::env::vars` panics on what is not UTF-8, so a foreign variable could keep the service from starting.
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Self(names.filter_map(|name| std::env::var(&name).ok().map(|value| (name, value))).collect())
    }

    /// A made-up environment.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_but_no_values() {
        let shown = format!("{:?}", Environment::from_pairs([("OSS_VALET__STORE__URL", "postgres://u:sesame@h/d")]));
        assert!(shown.contains("OSS_VALET__STORE__URL") && !shown.contains("sesame"), "{shown}");
    }
}
