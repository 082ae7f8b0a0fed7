//! The fields `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): structured fields, one item for each limit.

use std::fmt::Write as _;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::limiter::Standing;
use crate::grant::quota::Rate;

/// How the limits stand, in every answer that was limited.
pub(in crate::http) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// What the limits are.
pub(in crate::http) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A limit's name, what it is and how it stands.
pub(super) type Told = (&'static str, Rate, Standing);

/// Adds both fields.
pub(super) fn tell(limits: &[Told], headers: &mut HeaderMap) {
    if limits.is_empty() {
        return;
    }
    let (mut standings, mut policies) = (String::new(), String::new());
    for (name, rate, standing) in limits {
        let comma = if standings.is_empty() { "" } else { ", " };
        let Standing { remaining, full_in } = standing;
        let written = write!(standings, "{comma}\"{name}\";r={remaining};t={full_in}")
            .and_then(|()| write!(policies, "{comma}\"{name}\";q={};w={}", rate.burst, window(*rate)));
        written.expect("a String takes everything");
    }
    for (name, value) in [(RATE_LIMIT, standings), (RATE_LIMIT_POLICY, policies)] {
        headers.insert(name, HeaderValue::from_str(&value).expect("names and numbers are plain ASCII"));
    }
}

/// Seconds in which a whole burst is given back: so many requests in such a window.
fn window(rate: Rate) -> u64 {
    (u64::from(rate.burst.get()) * 60).div_ceil(rate.per_minute.get().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_an_item_of_both_fields() {
        let rate = |per_minute: u32, burst: u32| Rate {
            per_minute: per_minute.try_into().unwrap(),
            burst: burst.try_into().unwrap(),
        };
        let user = ("user", rate(600, 100), Standing { remaining: 99, full_in: 1 });
        let address = ("address", rate(7, 1), Standing { remaining: 0, full_in: 9 });
        for (limits, standings, policies) in [
            (&[user][..], r#""user";r=99;t=1"#, r#""user";q=100;w=10"#),
            (&[user, address], r#""user";r=99;t=1, "address";r=0;t=9"#, r#""user";q=100;w=10, "address";q=1;w=9"#),
        ] {
            let mut headers = HeaderMap::new();
            tell(limits, &mut headers);
            assert_eq!(headers.get(RATE_LIMIT).unwrap(), standings);
            assert_eq!(headers.get(RATE_LIMIT_POLICY).unwrap(), policies);
        }
        let mut headers = HeaderMap::new();
        tell(&[], &mut headers);
        assert!(headers.is_empty());
    }
}
