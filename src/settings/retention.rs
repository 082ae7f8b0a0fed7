//! `[retention]`: how long the ledger remembers.

use chrono::TimeDelta;

use super::reader::Section;

/// `[retention]`.
#[derive(Debug, Clone)]
pub struct RetentionSettings {
    /// Ended grants and their completions.
    pub grants: TimeDelta,
    /// Delivered events.
    pub events: TimeDelta,
}

impl RetentionSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self { grants: section.required_duration("grants"), events: section.required_duration("events") }
    }
}
