//! `[limits]`: how much one user may ask for. Zero means no limit.

use super::reader::Section;

/// `[limits]`.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// Requests per user and minute; `None` = no limit.
    pub requests_per_minute: Option<u32>,
    /// How many of them at once.
    pub burst: u32,
    /// Grants per user that have not ended; `None` = no limit.
    pub open_grants: Option<u32>,
    /// Largest request body in bytes.
    pub max_body: u64,
}

impl LimitSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let requests_per_minute = Some(section.number("requests_per_minute")).filter(|&n| n > 0);
        let burst = section.number("burst");
        let open_grants = Some(section.number("open_grants")).filter(|&n| n > 0);
        if requests_per_minute.is_some() && burst == 0 {
            section.fault("burst", "with a rate limit the burst is at least 1");
        }
        let max_body = section.size("max_body").unwrap_or_default();
        if max_body == 0 {
            section.fault("max_body", "a request body needs room");
        }
        Self { requests_per_minute, burst, open_grants, max_body }
    }
}
