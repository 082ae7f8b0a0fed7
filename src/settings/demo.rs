//! `[demo]`: the demo page.

use super::reader::Section;

/// `[demo]`.
#[derive(Debug, Clone)]
pub struct DemoSettings {
    /// Whether `/demo` is served.
    pub enabled: bool,
}

impl DemoSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self { enabled: section.flag("enabled") }
    }
}
