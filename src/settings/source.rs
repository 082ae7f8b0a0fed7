//! Where settings come from: embedded defaults ← (a built-in layer) ← `DIR/{env}.toml` ← environment variables.

use std::{fs, io, path::PathBuf};

use config::{Config, File, FileFormat, Map, Source, Value};

use super::{Environment, Fault, prints::FilePrints};

/// The shipped configuration reference: every key, commented.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

const PREFIX: &str = "OSS_VALET__";
const DEFAULT_PLACE: &str = "config/default.toml (embedded)";

/// What to load.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    /// The folder of `{env}.toml`; `None` reads no file.
    pub dir: Option<PathBuf>,
    /// `production`, `development`, …: names the file.
    pub env: String,
    /// The variables that may override files.
    pub environment: Environment,
    /// TOML text between the defaults and the file, with the name that its faults are reported under.
    pub built_in: Option<(String, String)>,
}

impl ConfigSource {
    /// `DIR/{env}.toml` and the given environment, over the embedded defaults.
    pub fn new(dir: impl Into<PathBuf>, env: impl Into<String>, environment: Environment) -> Self {
        Self { dir: Some(dir.into()), env: env.into(), environment, built_in: None }
    }

    /// Where a key that nobody gave should have been given.
    pub(super) fn home(&self) -> String {
        match (&self.dir, &self.built_in) {
            (Some(dir), _) => dir.join(format!("{}.toml", self.env)).display().to_string(),
            (None, Some((name, _))) => name.clone(),
            (None, None) => DEFAULT_PLACE.to_owned(),
        }
    }

    /// Merges the layers. Every value remembers where it was said; the file is noted in `files`.
    pub(super) fn merge(&self, files: &mut FilePrints) -> Result<Map<String, Value>, Vec<Fault>> {
        let mut layers = vec![(DEFAULT_PLACE.to_owned(), Ok(DEFAULT_TOML.to_owned()))];
        layers.extend(self.built_in.iter().map(|(name, text)| (name.clone(), Ok(text.clone()))));
        if let Some(dir) = &self.dir {
            let path = dir.join(format!("{}.toml", self.env));
            let content = fs::read(&path);
            files.note(&path, content.as_deref().ok());
            layers.push((self.home(), content.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))));
        }
        let mut builder = Config::builder();
        let mut faults = Vec::new();
        for (place, text) in layers {
            match text.map_err(|error| error.to_string()).and_then(|text| parse(&place, &text)) {
                Ok(layer) => builder = builder.add_source(layer),
                Err(message) => faults.push(Fault { place, key: String::new(), message }),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let merged = builder.add_source(Variables(self.environment.clone())).build().and_then(|c| c.collect());
        merged.map_err(|error| vec![Fault { place: self.home(), key: String::new(), message: error.to_string() }])
    }
}

fn parse(place: &str, text: &str) -> Result<Layer, String> {
    let table = File::from_str(text, FileFormat::Toml).collect().map_err(|error| error.to_string())?;
    Ok(Layer(table.into_iter().map(|(key, value)| (key, said_at(place, value))).collect()))
}

/// `config` remembers origins only of real files; ours are texts with a name.
fn said_at(place: &str, value: Value) -> Value {
    use config::ValueKind::{Array, Table};
    let kind = match value.kind {
        Table(table) => Table(table.into_iter().map(|(key, value)| (key, said_at(place, value))).collect()),
        Array(items) => Array(items.into_iter().map(|value| said_at(place, value)).collect()),
        other => other,
    };
    Value::new(Some(&place.to_owned()), kind)
}

#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// `OSS_VALET__SECTION__KEY`; a number between addresses an element of a list: `OSS_VALET__AUTH__ISSUERS__0__ISSUER`.
#[derive(Debug, Clone)]
struct Variables(Environment);

impl Source for Variables {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let ours = self.0.iter().filter_map(|(name, value)| Some((name, name.strip_prefix(PREFIX)?, value)));
        Ok(ours.map(|(name, path, value)| (expression(path), Value::new(Some(&place_of(name)), value))).collect())
    }
}

fn place_of(variable: &str) -> String {
    format!("environment {variable}")
}

/// Whether a value came from an environment variable, where everything is text.
pub(super) fn is_variable(place: &str) -> bool {
    place.starts_with("environment ")
}

/// `SERVER__LISTEN` → `server.listen`, `AUTH__ISSUERS__0__ISSUER` → `auth.issuers[0].issuer`.
fn expression(path: &str) -> String {
    let mut expression = String::new();
    for segment in path.to_ascii_lowercase().split("__") {
        let (before, after) = match segment.parse::<u16>() {
            _ if expression.is_empty() => ("", ""),
            Ok(_) => ("[", "]"),
            Err(_) => (".", ""),
        };
        expression.extend([before, segment, after]);
    }
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_names_become_paths() {
        for (variable, path) in [
            ("SERVER__LISTEN", "server.listen"),
            ("PROFILES__AVATAR__MAX_SIZE", "profiles.avatar.max_size"),
            ("CALLBACK__SEAL_SECRETS__0__SECRET", "callback.seal_secrets[0].secret"),
        ] {
            assert_eq!(expression(variable), path, "{variable}");
        }
    }
}
