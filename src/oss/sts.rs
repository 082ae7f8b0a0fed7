//! How STS is addressed, and what its parameters look like (P§6.1).

use chrono::TimeDelta;
use url::Url;

/// STS's version of the API.
pub const API_VERSION: &str = "2015-04-01";
/// STS refuses shorter sessions.
pub const MIN_DURATION: TimeDelta = TimeDelta::seconds(900);
/// STS refuses longer sessions; a role's own limit may be lower, and is an hour where nobody has raised it.
pub const MAX_DURATION: TimeDelta = TimeDelta::seconds(43_200);
/// What a session lasts where nothing is said.
pub const DEFAULT_DURATION: TimeDelta = TimeDelta::seconds(3600);
/// STS refuses longer session policies, in characters.
pub const MAX_POLICY_CHARS: usize = 2048;

/// The URL of an endpoint as it is configured: a host, or `scheme://host[:port]`; a missing scheme means `https`.
///
/// # Errors
/// When the text holds anything but scheme, host and port.
pub fn parse_endpoint(text: &str) -> Result<Url, String> {
    let absolute = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url =
        Url::parse(&absolute).map_err(|_| format!("`{text}` is no endpoint: write `sts.cn-hangzhou.aliyuncs.com`"))?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && is_anonymous {
        Ok(url)
    } else {
        Err("an endpoint is a host, or scheme://host[:port], and nothing more".to_owned())
    }
}

/// Where STS is without an endpoint of one's own: the region's, inside its VPC or outside, else the central one.
///
/// # Errors
/// When `region` is none.
pub fn default_endpoint(region: Option<&str>, vpc: bool) -> Result<Url, String> {
    match region {
        Some(region) if !is_region(region) => Err(format!("`{region}` is no region: write `cn-hangzhou`")),
        Some(region) => parse_endpoint(&format!("{}.{region}.aliyuncs.com", if vpc { "sts-vpc" } else { "sts" })),
        None => parse_endpoint("sts.aliyuncs.com"),
    }
}

/// `cn-hangzhou`: what may stand in a host name.
pub fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `acs:ram::<account>:role/<name>`.
pub fn is_role_arn(text: &str) -> bool {
    is_arn(text, "role")
}

/// `acs:ram::<account>:oidc-provider/<name>`.
pub fn is_oidc_provider_arn(text: &str) -> bool {
    is_arn(text, "oidc-provider")
}

/// 2 to 64 of `A-Z a-z 0-9 . @ _ -`.
pub fn is_session_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".@_-".contains(&b))
}

/// 2 to 1224 characters. Which ones is an assumption: printable ASCII without blanks.
pub fn is_external_id(text: &str) -> bool {
    (2..=1224).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A role's name as it stands in an ARN and in the metadata service's paths.
pub fn is_role_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_arn(text: &str, kind: &str) -> bool {
    let parse = || {
        let (account, resource) = text.strip_prefix("acs:ram::")?.split_once(':')?;
        let name = resource.strip_prefix(kind)?.strip_prefix('/')?;
        let digits = !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit());
        // Names of roles are stored in lower case, but may be written as one likes.
        (digits
            && (1..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)))
        .then_some(())
    };
    parse().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_follow_from_region_and_vpc() {
        for (region, vpc, url) in [
            (None, false, "https://sts.aliyuncs.com/"),
            // As the SDKs do: without a region there is no VPC endpoint.
            (None, true, "https://sts.aliyuncs.com/"),
            (Some("cn-hangzhou"), false, "https://sts.cn-hangzhou.aliyuncs.com/"),
            (Some("cn-hangzhou"), true, "https://sts-vpc.cn-hangzhou.aliyuncs.com/"),
        ] {
            assert_eq!(default_endpoint(region, vpc).unwrap().as_str(), url);
        }
        assert!(default_endpoint(Some("evil.example/"), false).is_err());
    }

    #[test]
    fn an_endpoint_is_scheme_host_and_port() {
        for (text, url) in [
            ("sts.cn-beijing.aliyuncs.com", "https://sts.cn-beijing.aliyuncs.com/"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000/"),
        ] {
            assert_eq!(parse_endpoint(text).unwrap().as_str(), url);
        }
        for text in ["", "ftp://a", "https://u:p@a", "https://a/path", "https://a/?q", "https://a/#f", "a b"] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arns_and_names_are_told_from_other_texts() {
        for (text, fits) in [
            ("acs:ram::123456789012:role/oss-valet", true),
            ("acs:ram::123456789012:role/", false),
            ("acs:ram::123456789012:role/a/b", false),
            ("acs:ram::123456789012:user/oss-valet", false),
            ("acs:ram::me:role/oss-valet", false),
            ("acs:ram:::role/oss-valet", false),
            ("arn:aws:iam::123456789012:role/oss-valet", false),
        ] {
            assert_eq!(is_role_arn(text), fits, "{text}");
        }
        assert!(is_oidc_provider_arn("acs:ram::123456789012:oidc-provider/ack-rrsa-c1"));
        assert!(!is_oidc_provider_arn("acs:ram::123456789012:role/ack-rrsa-c1"));
        for (text, fits) in [("a", false), ("ab", true), ("a@b.c_d-e", true), ("a b", false), ("a/b", false)] {
            assert_eq!(is_session_name(text), fits, "{text}");
        }
        for (text, fits) in [("", false), ("oss-valet", true), ("../secret", false), ("a\nb", false)] {
            assert_eq!(is_role_name(text), fits, "{text}");
        }
        assert!(is_external_id("partner-1") && !is_external_id("a") && !is_external_id("a b"));
    }
}
