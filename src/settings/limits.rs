//! `[limits]`: how much one user, or one address, may ask for. Zero means no limit.

use std::num::NonZeroU32;

use super::reader::Section;
use crate::grant::quota::{Quotas, Rate};

/// `[limits]`.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// Requests of one user; `None` = no limit.
    pub user: Option<Rate>,
    /// Requests from one address; `None` = no limit.
    pub address: Option<Rate>,
    /// Grants of one user, counted in the ledger.
    pub quotas: Quotas,
    /// Largest request body in bytes.
    pub max_body: u64,
}

impl LimitSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let user = read_rate(section, "requests_per_minute", "burst");
        let address = read_rate(section, "address_requests_per_minute", "address_burst");
        let mut quota = |key| Some(section.number(key)).filter(|&n| n > 0);
        let quotas = Quotas {
            open_grants: quota("open_grants"),
            grants_per_day: quota("grants_per_day"),
            open_multiparts: quota("open_multiparts"),
        };
        let max_body = section.size("max_body").unwrap_or_default();
        if max_body == 0 {
            section.fault("max_body", "a request body needs room");
        }
        Self { user, address, quotas, max_body }
    }
}

fn read_rate(section: &mut Section<'_>, rate_key: &str, burst_key: &str) -> Option<Rate> {
    let (per_minute, burst) = (section.number(rate_key), section.number(burst_key));
    let per_minute = NonZeroU32::new(per_minute)?;
    let burst = NonZeroU32::new(burst);
    if burst.is_none() {
        section.fault(burst_key, format!("with {rate_key} it is at least 1"));
    }
    Some(Rate { per_minute, burst: burst? })
}
