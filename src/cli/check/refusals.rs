//! What OSS's refusals mean for the configuration.

use super::finding::{Judged, Level};
use crate::{oss_client::inspect::Refusal, settings::BucketSettings};

/// EC of a V4 signature for another region (as the simulator answers it).
const WRONG_REGION: &str = "0002-00000226";

/// A refusal that is no answer to what was asked, but tells what is wrong. `endpoint_key` said where it was asked;
/// `credentials` is the section that signed.
pub(super) fn judge_refusal(
    check: &'static str,
    refusal: &Refusal,
    bucket: &BucketSettings,
    endpoint_key: &str,
    credentials: &str,
) -> Judged {
    let of_bucket = |inner: &str| format!("buckets.{}.{inner}", bucket.name);
    let of_credentials = || format!("credentials.{credentials}");
    let fault = |key: String, message: String| Judged::new(Level::Fault, check, key, message);
    if refusal.ec.as_deref() == Some(WRONG_REGION) {
        return fault(of_bucket("region"), format!("OSS says that the bucket is not in `{}`", bucket.region));
    }
    if let Some(endpoint) = &refusal.endpoint {
        return fault(of_bucket(endpoint_key), format!("OSS says that the bucket must be addressed at `{endpoint}`"));
    }
    match refusal.code.as_str() {
        "" => {
            let message = format!("what answered {} there is not OSS", refusal.status);
            fault(of_bucket(endpoint_key), message)
        }
        "NoSuchBucket" => fault(of_bucket("bucket"), format!("OSS knows no bucket `{}` there", bucket.bucket)),
        "InvalidBucketName" => fault(of_bucket("bucket"), "OSS takes this for no bucket's name".to_owned()),
        "InvalidAccessKeyId" => fault(of_credentials(), "OSS does not know the access key id".to_owned()),
        "SignatureDoesNotMatch" => {
            fault(of_credentials(), "SignatureDoesNotMatch: the secret is not that of the access key id".to_owned())
        }
        "InvalidSecurityToken" | "SecurityTokenExpired" => {
            fault(of_credentials(), format!("{}: the security token is not, or no longer, good", refusal.code))
        }
        "UserDisable" => fault(of_credentials(), "UserDisable: the account is disabled or in arrears".to_owned()),
        "RequestTimeTooSkewed" => {
            fault(String::new(), "OSS refuses this machine's requests: its clock is off by more than 15 min".to_owned())
        }
        "PublicEndpointForbidden" => fault(
            of_bucket(endpoint_key),
            "PublicEndpointForbidden (EC 0048-00000401): since 2025-03-20 OSS answers new users nothing at mainland \
             regions' default public endpoints: set public_host (a custom domain) and internal_endpoint"
                .to_owned(),
        ),
        "SecondLevelDomainForbidden" => {
            fault(of_bucket("path_style"), "OSS refuses path style there (SecondLevelDomainForbidden)".to_owned())
        }
        code => {
            // What is OSS's own trouble, or load, says nothing about the configuration.
            let level = if refusal.status >= 500 { Level::Unknown } else { Level::Fault };
            let Refusal { status, message, request_id, .. } = refusal;
            let text = format!("OSS answered {status} {code}: {message} (request {request_id})");
            Judged::new(level, check, of_bucket(endpoint_key), text)
        }
    }
}
