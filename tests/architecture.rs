//! The dependency rule, by reading source text. Arrows never turn back, and shells do not know each other.
#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic, in its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Which of our modules each may name. `startup`, `wiring` and `cli` may name all: they are where everything meets.
const MAY_USE: [(&str, &[&str]); 21] = [
    ("oss", &[]),
    ("grant", &["oss"]),
    ("clock", &[]),
    ("entropy", &[]),
    ("shutdown", &[]),
    ("telemetry", &["app", "clock", "instruments"]),
    ("trace", &["grant"]),
    ("demo", &[]),
    // What anybody may count with; it knows nobody.
    ("instruments", &[]),
    ("app", &["grant", "oss", "clock", "entropy", "instruments", "trace"]),
    ("settings", &["grant", "oss"]),
    ("auth", &["app", "instruments"]),
    ("credentials", &["app", "oss", "clock", "entropy", "instruments"]),
    ("oss_client", &["app", "grant", "oss"]),
    ("store", &["app", "grant", "oss", "instruments"]),
    ("webhooks", &["grant", "trace"]),
    ("outbox", &["app", "grant", "oss", "webhooks"]),
    ("hooks", &["app", "grant", "webhooks"]),
    ("workers", &["app", "instruments"]),
    ("http", &["app", "grant", "oss", "clock", "demo", "instruments", "trace"]),
    ("simulator", &["oss", "clock"]),
];
const MEETING_PLACES: [&str; 5] = ["startup", "wiring", "cli", "lib", "main"];

/// Which modules may name a library; nobody else may.
const LIBRARIES: [(&str, &[&str]); 12] = [
    // `instruments` names what there is; `http` asks what stands. What is counted elsewhere is counted by a function of `instruments`.
    ("metrics", &["instruments", "http"]),
    ("actix_web", &["http", "simulator", "startup"]),
    // `telemetry` names it as a source of log lines.
    ("actix_http", &["http", "telemetry"]),
    ("actix_server", &["http"]),
    ("governor", &["http"]),
    ("rustix", &["http"]),
    ("sqlx", &["store"]),
    (
        "reqwest",
        &[
            "auth",
            "credentials",
            "oss_client",
            "simulator",
            "outbox",
            "hooks",
            "webhooks",
            "wiring",
            "startup",
            "telemetry",
        ],
    ),
    ("clap", &["cli"]),
    ("utoipa", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("config", &["settings"]),
];

/// What the pure core must not name, beside what nobody may.
const IMPURE: [&str; 9] =
    ["async fn", "async_trait", ".await", "tokio::", "reqwest::", "actix_web::", "sqlx::", "tracing::", "std::fs"];

/// Texts that stand for a forbidden way in, and the only modules that may hold them. (The simulator is a world of its own: it
/// may not know `entropy`.)
const SINGLE_PLACES: [(&str, &[&str]); 6] = [
    ("Utc::now(", &["clock"]),
    ("SystemTime::now(", &["clock"]),
    ("Local::now(", &["clock"]),
    ("env::var", &["settings"]),
    ("OsRng", &["entropy", "simulator"]),
    ("thread_rng", &["entropy"]),
];

struct Source {
    module: String,
    path: PathBuf,
    /// Without comments and without unit tests.
    code: String,
}

impl Source {
    fn new(path: &Path, text: &str) -> Self {
        let first = path.components().next().expect("a source has a path").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        Self { module, path: path.to_owned(), code: code_of(text) }
    }

    /// `library::`, not as the end of a longer name or path.
    fn names_library(&self, library: &str) -> bool {
        let path = format!("{library}::");
        self.code.match_indices(&path).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        })
    }
}

/// Test modules stand last in a file (or in a file of their own), and may use what they like.
fn code_of(text: &str) -> String {
    let tested = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..tested].lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Our modules that a source names: `crate::x`, and the first level inside `crate::{…}`.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => used.extend(first_level(group)),
            None => used.push(first_word(rest)),
        }
    }
    used.retain(|name| !name.is_empty());
    used
}

fn first_level(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut expecting) = (0, Vec::new(), true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expecting = true,
            c if depth == 0 && expecting && !c.is_whitespace() => {
                names.push(first_word(&group[at..]));
                expecting = false;
            }
            _ => {}
        }
    }
    names
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Everything in which a source breaks the rule.
fn violations(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut complain = |what: String| found.push(format!("src/{}: {what}", source.path.display()));
    let module = source.module.as_str();
    let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
    if allowed.is_none() && !MEETING_PLACES.contains(&module) {
        complain(format!("the module `{module}` is not in the rule: say what it may use"));
    }
    if let Some(allowed) = allowed {
        for used in used_modules(&source.code).iter().filter(|used| *used != module) {
            if !allowed.contains(&used.as_str()) {
                complain(format!("`{module}` must not know `{used}`"));
            }
        }
    }
    for (library, knowing) in LIBRARIES {
        if source.names_library(library) && !knowing.contains(&module) {
            complain(format!("`{module}` must not know {library}"));
        }
    }
    for (text, places) in SINGLE_PLACES {
        if source.code.contains(text) && !places.contains(&module) {
            complain(format!("`{text}` belongs to {places:?} alone"));
        }
    }
    if matches!(module, "oss" | "grant") {
        for text in IMPURE.iter().filter(|text| source.code.contains(**text)) {
            complain(format!("the core is pure, and names `{text}`"));
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut folders = vec![root.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).unwrap();
                // Unit tests in a file of their own.
                if !relative.to_string_lossy().ends_with("tests.rs") {
                    sources.push(Source::new(relative, &fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    sources
}

#[test]
fn the_dependency_rule_holds() {
    let sources = sources();
    assert!(sources.len() > 40, "the sources are found");
    let found: Vec<_> = sources.iter().flat_map(violations).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn main_stays_small() {
    let main = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs")).unwrap();
    assert!(main.lines().count() <= 40);
}

#[test]
fn each_kind_of_violation_would_be_noticed() {
    let cases = [
        ("the core knowing a shell", "oss/x.rs", "use crate::app::ports::Store;"),
        ("an arrow that turns back", "grant/x.rs", "use crate::{\n    app::{a, b},\n    oss::c,\n};"),
        ("one shell knowing another", "store/mod.rs", "use crate::{app::ports::Store, settings::Settings};"),
        ("a shell by its full path", "auth/x.rs", "fn f() { crate::store::open() }"),
        ("the simulator knowing the rules", "simulator/x.rs", "use crate::grant::seal::SealKeys;"),
        ("SQL outside the store", "app/x.rs", "use sqlx::Row;"),
        ("actix outside its shells", "app/x.rs", "use actix_web::web;"),
        ("a client of one's own", "http/x.rs", "use reqwest::Client;"),
        ("a clock of one's own", "app/x.rs", "let now = chrono::Utc::now();"),
        ("the environment", "store/x.rs", "let home = std::env::var(\"HOME\");"),
        ("randomness", "app/x.rs", "rand::rngs::OsRng.fill_bytes(&mut b);"),
        ("waiting in the core", "grant/x.rs", "async fn f() {}"),
        ("logging in the core", "oss/x.rs", "tracing::info!(\"x\");"),
        ("counting in the core", "grant/x.rs", "metrics::counter!(\"x\");"),
        ("a module that nobody has thought about", "helpers.rs", "fn f() {}"),
    ];
    for (description, path, text) in cases {
        assert_eq!(violations(&Source::new(Path::new(path), text)).len(), 1, "{description}");
    }
    let fine = "//! See crate::app.\nuse crate::oss::endpoint::Endpoint;\n#[cfg(test)]\nmod tests {\n use crate::store::x; }\n";
    assert_eq!(violations(&Source::new(Path::new("grant/x.rs"), fine)), Vec::<String>::new());
}
