//! What a check found, and how it is told.

use std::process::ExitCode;

use serde::Serialize;

use crate::settings::{Fault, Settings};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Deserves a look.
    Warning,
    /// Would break uploads or trust.
    Fault,
    /// Could not be asked; why is said.
    Unknown,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was checked: `configuration`, `credentials`, `cors`, ….
    pub(super) check: &'static str,
    /// The file, or variable, that said the key.
    pub(super) place: String,
    /// Which key to change; empty when none would help.
    pub(super) key: String,
    pub(super) message: String,
}

/// A finding whose place is not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) level: Level,
    pub(super) check: &'static str,
    pub(super) key: String,
    pub(super) message: String,
}

impl Judged {
    pub(super) fn new(level: Level, check: &'static str, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, check, key: key.into(), message: message.into() }
    }

    pub(super) fn placed(self, settings: &Settings) -> Finding {
        let Self { level, check, key, message } = self;
        let place = if key.is_empty() { String::new() } else { settings.place_of(&key) };
        Finding { level, check, place, key, message }
    }
}

/// All of it, in order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    ok: bool,
    faults: usize,
    warnings: usize,
    unknown: usize,
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(findings: Vec<Finding>) -> Self {
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        let (faults, warnings, unknown) = (count(Level::Fault), count(Level::Warning), count(Level::Unknown));
        Self { ok: faults == 0, faults, warnings, unknown, findings }
    }

    /// Prints it, and answers with the exit code.
    pub(super) fn print(&self, as_json: bool) -> ExitCode {
        if as_json {
            println!("{}", serde_json::to_string(self).expect("texts and numbers are JSON"));
        } else {
            for finding in &self.findings {
                println!("{}", line(finding));
            }
            let unknown = if self.unknown > 0 { format!(", unknown: {}", self.unknown) } else { String::new() };
            println!("faults: {}, warnings: {}{unknown}", self.faults, self.warnings);
        }
        if self.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// `fault    config/production.toml: buckets.media.region: …`
fn line(finding: &Finding) -> String {
    let Finding { level, check, place, key, message } = finding;
    let place = [place, key].into_iter().filter(|text| !text.is_empty()).cloned();
    let said: Vec<String> = place.chain([message.clone()]).collect();
    let check = if *check == CONFIGURATION { String::new() } else { format!("{check}: ") };
    format!("{:<8} {check}{}", level.word(), said.join(": "))
}

/// What needs no network.
pub(super) const CONFIGURATION: &str = "configuration";

/// A fault or warning of the settings themselves.
pub(super) fn of_settings(level: Level, fault: Fault) -> Finding {
    let Fault { place, key, message } = fault;
    Finding { level, check: CONFIGURATION, place, key, message }
}
