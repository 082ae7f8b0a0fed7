//! What OSS's own host names mean (P§4.6): for advice only. A region is a setting, and no signature is ever made from a host.

/// What a host is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind<'a> {
    /// `oss-cn-hangzhou.aliyuncs.com`, of this region.
    Public(&'a str),
    /// `oss-cn-hangzhou-internal.aliyuncs.com`: reached from inside that region only.
    Internal(&'a str),
    /// `cn-hangzhou.oss.aliyuncs.com`: IPv4 and IPv6.
    DualStack(&'a str),
    /// `oss-accelerate.aliyuncs.com`, `oss-accelerate-overseas.aliyuncs.com`.
    Accelerate,
    /// `oss-rg-china-mainland.aliyuncs.com`.
    RegionLess,
    /// Not one of OSS's: a custom domain, an address, a simulator.
    Foreign,
}

/// Hosts whose region does not follow from their name: finance and government clouds.
const SPECIAL: [(&str, &str); 8] = [
    ("oss-cn-hzfinance", "cn-hangzhou-finance"),
    ("oss-cn-hzjbp-a", "cn-hangzhou-finance"),
    ("oss-cn-hzjbp-b", "cn-hangzhou-finance"),
    ("oss-cn-shanghai-finance-1-pub", "cn-shanghai-finance-1"),
    ("oss-cn-szfinance", "cn-shenzhen-finance-1"),
    ("oss-cn-beijing-finance-1-pub", "cn-beijing-finance-1"),
    ("cn-shanghai-finance.oss", "cn-shanghai-finance-1"),
    ("cn-shenzhen-finance.oss", "cn-shenzhen-finance-1"),
];

impl<'a> HostKind<'a> {
    /// Of a host without bucket and port.
    pub fn of(host: &'a str) -> Self {
        let Some(name) = host.strip_suffix(".aliyuncs.com") else { return Self::Foreign };
        if ["oss-accelerate", "oss-accelerate-overseas"].contains(&name) {
            return Self::Accelerate;
        }
        if name == "oss-rg-china-mainland" {
            return Self::RegionLess;
        }
        let (outer, is_internal) = match name.strip_suffix("-internal") {
            Some(outer) => (outer, true),
            None => (name, false),
        };
        let special = SPECIAL.iter().find(|(known, _)| *known == outer).map(|(_, region)| *region);
        if let Some(region) = outer.strip_suffix(".oss") {
            return if region.contains('.') { Self::Foreign } else { Self::DualStack(special.unwrap_or(region)) };
        }
        match outer.strip_prefix("oss-") {
            Some(region) if !region.is_empty() && !region.contains('.') => {
                let region = special.unwrap_or(region);
                if is_internal { Self::Internal(region) } else { Self::Public(region) }
            }
            _ => Self::Foreign,
        }
    }

    /// The region that a host of this kind serves, where it is only one.
    pub fn region(self) -> Option<&'a str> {
        match self {
            Self::Public(region) | Self::Internal(region) | Self::DualStack(region) => Some(region),
            Self::Accelerate | Self::RegionLess | Self::Foreign => None,
        }
    }
}

/// The region that a bucket's `Location` means (`oss-cn-hangzhou`).
pub fn region_of_location(location: &str) -> &str {
    let special = SPECIAL.iter().find(|(known, _)| *known == location).map(|(_, region)| *region);
    special.unwrap_or_else(|| location.strip_prefix("oss-").unwrap_or(location))
}

/// Whether new users may not reach data through the region's default public endpoint (P§4.6, since 2025-03-20).
pub fn is_public_endpoint_restricted(host: &str) -> bool {
    match HostKind::of(host) {
        HostKind::Public(region) => {
            let own_cloud = region.contains("finance") || region.contains("-gov");
            region.starts_with("cn-") && region != "cn-hongkong" && !own_cloud
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{HostKind::*, *};

    #[test]
    fn hosts_are_told_apart() {
        for (host, kind) in [
            ("oss-cn-hangzhou.aliyuncs.com", Public("cn-hangzhou")),
            ("oss-cn-hangzhou-internal.aliyuncs.com", Internal("cn-hangzhou")),
            ("cn-hangzhou.oss.aliyuncs.com", DualStack("cn-hangzhou")),
            ("oss-accelerate.aliyuncs.com", Accelerate),
            ("oss-accelerate-overseas.aliyuncs.com", Accelerate),
            ("oss-rg-china-mainland.aliyuncs.com", RegionLess),
            ("oss-cn-hzfinance.aliyuncs.com", Public("cn-hangzhou-finance")),
            ("oss-cn-hzjbp-a-internal.aliyuncs.com", Internal("cn-hangzhou-finance")),
            ("oss-cn-shanghai-finance-1-pub.aliyuncs.com", Public("cn-shanghai-finance-1")),
            ("oss-cn-shanghai-finance-1-internal.aliyuncs.com", Internal("cn-shanghai-finance-1")),
            ("oss-cn-shanghai-finance-1-pub-internal.aliyuncs.com", Internal("cn-shanghai-finance-1")),
            ("oss-cn-szfinance-internal.aliyuncs.com", Internal("cn-shenzhen-finance-1")),
            ("cn-shenzhen-finance.oss.aliyuncs.com", DualStack("cn-shenzhen-finance-1")),
            ("oss-cn-north-2-gov-1.aliyuncs.com", Public("cn-north-2-gov-1")),
            ("cn-north-2-gov-1.oss.aliyuncs.com", DualStack("cn-north-2-gov-1")),
            ("b.oss-cn-hangzhou.aliyuncs.com", Foreign),
            ("oss-.aliyuncs.com", Foreign),
            ("media.example.com", Foreign),
            ("127.0.0.1", Foreign),
        ] {
            assert_eq!(HostKind::of(host), kind, "{host}");
        }
    }

    #[test]
    fn the_notice_is_about_default_public_endpoints_of_the_mainland() {
        for (host, restricted) in [
            ("oss-cn-hangzhou.aliyuncs.com", true),
            ("oss-cn-hangzhou-internal.aliyuncs.com", false),
            ("oss-cn-hongkong.aliyuncs.com", false),
            ("oss-ap-southeast-1.aliyuncs.com", false),
            ("oss-cn-hzfinance.aliyuncs.com", false),
            ("oss-cn-north-2-gov-1.aliyuncs.com", false),
            ("oss-accelerate.aliyuncs.com", false),
            ("media.example.com", false),
        ] {
            assert_eq!(is_public_endpoint_restricted(host), restricted, "{host}");
        }
    }

    #[test]
    fn a_location_means_a_region() {
        assert_eq!(region_of_location("oss-cn-beijing"), "cn-beijing");
        assert_eq!(region_of_location("oss-cn-hzfinance"), "cn-hangzhou-finance");
    }
}
