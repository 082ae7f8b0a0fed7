//! `[reconciler]`: looking after uploads that never called back.

use super::{reader::Section, values::parse_duration};
use crate::grant::looks::LookSchedule;

/// `[reconciler]`.
#[derive(Debug, Clone)]
pub struct ReconcilerSettings {
    /// `margin` and `late_checks`.
    pub looks: LookSchedule,
    /// Looks per second, at most.
    pub rate: u32,
}

impl ReconcilerSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let margin = section.required_duration("margin");
        let late_checks = section.parsed_texts("late_checks", parse_duration);
        if !late_checks.is_sorted() {
            section.fault("late_checks", "from the earliest to the latest");
        }
        let rate = section.number("rate");
        if rate == 0 {
            section.fault("rate", "at least 1 a second");
        }
        Self { looks: LookSchedule { margin, late: late_checks }, rate }
    }
}
