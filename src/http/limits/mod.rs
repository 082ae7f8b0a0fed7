//! How much a user or an address may ask for here, and how large and slow a request may be.
//!
//! | file | what it is |
//! | --- | --- |
//! | `rates` | the middleware and the charge that count requests |
//! | `limiter` | the counting |
//! | `headers` | the fields that tell clients how they stand |
//! | `sizes` | what is too large |
//!
//! What is counted here is counted at this replica; quotas of grants are the ledger's (`store/`).

mod headers;
mod limiter;
mod rates;
mod sizes;

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;

use self::limiter::Limiter;
pub(super) use self::rates::{charge_batch, charge_user, limit};
use crate::{clock::Clock, grant::quota::Rate};

/// What the limits are.
#[derive(Debug, Clone)]
pub struct LimitRules {
    /// Requests of one user.
    pub user: Option<Rate>,
    /// Requests from one address.
    pub address: Option<Rate>,
    /// Proxies that are believed when they say who came to them.
    pub trusted_proxies: Vec<IpNet>,
    /// Largest body, in bytes.
    pub max_body: usize,
    /// How long a body may take to arrive.
    pub body_patience: Duration,
}

/// The rules, and what has been counted by them.
pub struct Limits {
    rules: LimitRules,
    users: Option<Arc<Limiter<String>>>,
    addresses: Option<Arc<Limiter<IpAddr>>>,
    clock: Arc<dyn Clock>,
}

impl Limits {
    /// Limits by these rules; nothing is counted yet.
    pub fn new(rules: LimitRules, clock: Arc<dyn Clock>) -> Self {
        let users = rules.user.map(|rate| Arc::new(Limiter::new(rate, Arc::clone(&clock))));
        let addresses = rules.address.map(|rate| Arc::new(Limiter::new(rate, Arc::clone(&clock))));
        Self { rules, users, addresses, clock }
    }

    /// Other rules; a rate that stays as it is keeps its counts.
    #[must_use]
    pub fn renewed(&self, rules: LimitRules) -> Self {
        let mut renewed = Self::new(rules, Arc::clone(&self.clock));
        if renewed.rules.user == self.rules.user {
            renewed.users.clone_from(&self.users);
        }
        if renewed.rules.address == self.rules.address {
            renewed.addresses.clone_from(&self.addresses);
        }
        renewed
    }

    /// Proxies that are believed.
    pub(super) fn trusted_proxies(&self) -> &[IpNet] {
        &self.rules.trusted_proxies
    }

    /// Largest body, in bytes.
    pub(super) fn max_body(&self) -> usize {
        self.rules.max_body
    }

    /// How long a body may take to arrive.
    pub(super) fn body_patience(&self) -> Duration {
        self.rules.body_patience
    }
}

/// Whom an address counts for: one client has a whole /64 of IPv6.
fn holder_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use chrono::DateTime;

    use super::{limiter::Taken, *};
    use crate::clock::ManualClock;

    fn rules(user_burst: u32, address_burst: u32) -> LimitRules {
        let rate = |burst: u32| burst.try_into().ok().map(|burst| Rate { per_minute: NonZeroU32::MIN, burst });
        LimitRules {
            user: rate(user_burst),
            address: rate(address_burst),
            trusted_proxies: Vec::new(),
            max_body: 1024,
            body_patience: Duration::from_secs(1),
        }
    }

    fn take(limits: &Limits) -> Option<bool> {
        let users = limits.users.as_ref()?;
        Some(matches!(users.take(&"u-7".to_owned(), NonZeroU32::MIN), Taken::Room(_)))
    }

    #[test]
    fn other_rules_leave_the_counts_of_what_stays() {
        let mut limits = Limits::new(rules(1, 5), Arc::new(ManualClock::at(DateTime::UNIX_EPOCH)));
        assert_eq!(take(&limits), Some(true));
        assert_eq!(take(&limits), Some(false));
        limits = limits.renewed(rules(1, 6));
        assert_eq!(take(&limits), Some(false), "the user's rate has not changed");
        limits = limits.renewed(rules(2, 6));
        assert_eq!(take(&limits), Some(true));
        limits = limits.renewed(rules(0, 6));
        assert_eq!(take(&limits), None, "no limit");
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        for (address, holder) in [
            ("203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            assert_eq!(holder_of(address.parse().unwrap()), holder.parse::<IpAddr>().unwrap());
        }
    }
}
