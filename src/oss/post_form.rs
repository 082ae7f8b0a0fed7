//! The form fields of a PostObject request, in order (P§3.2, P§3.3).

use super::{post_policy::PostPolicy, presign::SigningContext};

/// The signature fields for `policy`: `policy` and, by version, `OSSAccessKeyId`/`Signature` or the `x-oss-*` four; the security token where there is one.
///
/// For V4 the caller has put the conditions on version, credential, date (and token) into the policy; see [`signature_conditions`].
pub fn signature_fields(_policy: &PostPolicy, _context: &SigningContext<'_>) -> Vec<(String, String)> {
    todo!()
}

/// The fields that V4 demands in the policy (version, credential, date, and token with STS), also for V1 the token with STS.
pub fn signature_conditions(_context: &SigningContext<'_>) -> Vec<(String, String)> {
    todo!()
}
