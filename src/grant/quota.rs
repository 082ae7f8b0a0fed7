//! How much one user may ask for: a rate of requests, and quotas of grants.

use std::num::NonZeroU32;

use chrono::TimeDelta;

use super::profile::Method;

/// What `grants_per_day` calls a day: the 24 hours that end now.
pub const DAY: TimeDelta = TimeDelta::days(1);

/// So many requests a minute on average, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What is given back in a minute.
    pub per_minute: NonZeroU32,
    /// What may be taken at once by who has taken nothing for a while.
    pub burst: NonZeroU32,
}

/// How many grants one user may have; `None` is any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotas {
    /// That have not ended.
    pub open_grants: Option<u32>,
    /// Issued in a [`DAY`].
    pub grants_per_day: Option<u32>,
    /// By `multipart`, that have not ended.
    pub open_multiparts: Option<u32>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quota {
    /// [`Quotas::open_grants`].
    OpenGrants,
    /// [`Quotas::grants_per_day`].
    GrantsPerDay,
    /// [`Quotas::open_multiparts`].
    OpenMultiparts,
}

impl Quota {
    /// As the settings and metrics call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenGrants => "open_grants",
            Self::GrantsPerDay => "grants_per_day",
            Self::OpenMultiparts => "open_multiparts",
        }
    }
}

/// What one user has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Grants that have not ended.
    pub open_grants: u32,
    /// Grants of the last [`DAY`].
    pub grants_per_day: u32,
    /// Grants by `multipart` that have not ended.
    pub open_multiparts: u32,
}

impl Usage {
    /// Counts one more grant by this method.
    pub fn add(&mut self, method: Method) {
        self.open_grants += 1;
        self.grants_per_day += 1;
        self.open_multiparts += u32::from(method == Method::Multipart);
    }
}

impl Quotas {
    /// Whether any number of grants may be had.
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }

    /// The quota that leaves no room for one more grant by this method. That of a day comes first: it is the one of which is known
    /// when there is room again, and asking earlier is in vain.
    pub fn exhausted_by(&self, usage: &Usage, method: Method) -> Option<Quota> {
        let full = |quota: Option<u32>, used: u32| quota.is_some_and(|most| used >= most);
        if full(self.grants_per_day, usage.grants_per_day) {
            Some(Quota::GrantsPerDay)
        } else if full(self.open_grants, usage.open_grants) {
            Some(Quota::OpenGrants)
        } else if method == Method::Multipart && full(self.open_multiparts, usage.open_multiparts) {
            Some(Quota::OpenMultiparts)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_exhausted_by_as_many_as_it_says() {
        let quotas = Quotas { open_grants: Some(3), grants_per_day: Some(5), open_multiparts: Some(1) };
        let used =
            |open_grants, grants_per_day, open_multiparts| Usage { open_grants, grants_per_day, open_multiparts };
        for (usage, method, expected) in [
            (used(0, 0, 0), Method::Post, None),
            (used(2, 4, 0), Method::Multipart, None),
            (used(2, 4, 1), Method::Post, None),
            (used(2, 4, 1), Method::Multipart, Some(Quota::OpenMultiparts)),
            (used(3, 4, 1), Method::Multipart, Some(Quota::OpenGrants)),
            (used(3, 5, 1), Method::Multipart, Some(Quota::GrantsPerDay)),
            (used(9, 9, 9), Method::Put, Some(Quota::GrantsPerDay)),
        ] {
            assert_eq!(quotas.exhausted_by(&usage, method), expected, "{usage:?} {method:?}");
        }
        assert_eq!(Quotas::default().exhausted_by(&used(9, 9, 9), Method::Multipart), None);
        let none = Quotas { open_grants: Some(0), ..Quotas::default() };
        assert_eq!(none.exhausted_by(&Usage::default(), Method::Put), Some(Quota::OpenGrants), "zero is none");
    }

    #[test]
    fn a_grant_counts_wherever_it_belongs() {
        let mut usage = Usage::default();
        usage.add(Method::Post);
        usage.add(Method::Multipart);
        assert_eq!(usage, Usage { open_grants: 2, grants_per_day: 2, open_multiparts: 1 });
    }
}
