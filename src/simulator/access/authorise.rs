//! Who signed a request or a form, and whether RAM lets them do it (P§3.3, P§4.1, P§4.2).

use actix_web::http::StatusCode;

use crate::{
    oss::{
        access_key::AccessKey,
        post_policy::PostPolicy,
        verify::{self, SignatureRefusal, VerifyingContext},
    },
    simulator::{
        access::{
            permissions::{Action, Permissions, Resource},
            refused,
        },
        errors::OssError,
        operations::post_form::PostForm,
        request::Incoming,
        server::Oss,
        settings::BucketSpec,
    },
};

/// A credential that has proved itself, and what it may do.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Caller {
    permissions: Permissions,
}

impl Caller {
    /// Refuses when RAM does not allow the action.
    pub(in crate::simulator) fn permit(&self, action: Action, _resource: Resource<'_>) -> Result<(), OssError> {
        if self.permissions.allow(action) { Ok(()) } else { Err(OssError::not_permitted()) }
    }

    fn known(id: &str, oss: &Oss) -> Result<Self, OssError> {
        let spec = oss.settings.access_key(id).ok_or(SignatureRefusal::InvalidAccessKeyId)?;
        Ok(Self { permissions: spec.permissions.clone() })
    }
}

/// Finds the credential that signed the request, and checks that it really did.
pub(in crate::simulator) fn authorise(incoming: &Incoming, oss: &Oss) -> Result<Caller, OssError> {
    let bucket = incoming.bucket().and_then(|bucket| oss.settings.bucket(bucket));
    let context = VerifyingContext { now: incoming.now, region: bucket.map(|bucket| bucket.region.as_str()) };
    check_ambiguity(incoming)?;
    let verified = verify::verify(&incoming.signable(), |id| find(id, oss), &context)
        .map_err(|refusal| refused::request(refusal, incoming))?;
    Caller::known(verified.ok_or_else(OssError::anonymous)?.access_key_id(), oss)
}

/// The credential behind a form, with the policy that it satisfies in everything but the length of the file.
pub(in crate::simulator) fn authorise_form(
    form: &PostForm,
    bucket: &BucketSpec,
    incoming: &Incoming,
    oss: &Oss,
) -> Result<(Caller, PostPolicy), OssError> {
    let context = VerifyingContext { now: incoming.now, region: Some(&bucket.region) };
    let verified = match verify::verify_post_form(&form.fields, |id| find(id, oss), &context) {
        // A form has no expiry but its policy's; the seven days of V4 are told in the same words (P§3.3).
        Err(SignatureRefusal::AccessDenied(message)) if message == "Request has expired." => {
            return Err(OssError::access_denied("Invalid according to Policy: Policy expired."));
        }
        Err(SignatureRefusal::AccessDenied(message)) if message == "Request is not valid yet." => {
            return Err(refused::form(SignatureRefusal::RequestTimeTooSkewed, form, incoming.now));
        }
        outcome => {
            outcome.map_err(|refusal| refused::form(refusal, form, incoming.now))?.ok_or_else(OssError::anonymous)?
        }
    };
    let policy = verified.policy().clone();
    policy.evaluate(&form.facts(&bucket.name), incoming.now)?;
    Ok((Caller::known(verified.access_key_id(), oss)?, policy))
}

fn find(id: &str, oss: &Oss) -> Option<AccessKey> {
    oss.settings.access_key(id).map(|spec| spec.key.clone())
}

/// A query parameter that repeats a signed header's name must repeat its value (P§4.2).
fn check_ambiguity(incoming: &Incoming) -> Result<(), OssError> {
    for (name, value) in &incoming.query {
        if name.starts_with("x-oss-") && incoming.header(name).is_some_and(|header| header != value) {
            return Err(OssError::invalid_argument("Header and query parameter contradict each other.", name, value));
        }
    }
    Ok(())
}

impl From<SignatureRefusal> for OssError {
    fn from(refusal: SignatureRefusal) -> Self {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
        let wrong_region = refusal.details().contains(&("ArgumentName".to_owned(), "region".to_owned()));
        let message = if wrong_region {
            "Invalid signing region in Authorization header.".to_owned()
        } else {
            refusal.to_string()
        };
        let error = refusal
            .details()
            .iter()
            .fold(Self::new(status, refusal.code(), message), |error, (name, value)| error.detail(name, value));
        match &refusal {
            SignatureRefusal::InvalidAccessKeyId => error.ec("0002-00000902"),
            SignatureRefusal::SignatureDoesNotMatch { .. } => error.ec("0002-00000040"),
            SignatureRefusal::RequestTimeTooSkewed => error.ec("0002-00000504"),
            _ if wrong_region => error.ec("0002-00000226"),
            _ => error,
        }
    }
}
