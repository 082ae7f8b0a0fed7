//! Who signed a request or a form, and whether RAM lets them do it (P§3.3, P§4.1, P§4.2).

use std::sync::Arc;

use actix_web::http::StatusCode;

use crate::{
    oss::{
        post_policy::PostPolicy,
        verify::{self, KnownKey, SignatureRefusal, VerifyingContext},
    },
    simulator::{
        access::{
            permissions::{Action, Permissions, Resource},
            policy::{Circumstances, Listing, Question, ResourceName, Verdict},
            refused,
            sessions::KnownSession,
        },
        errors::OssError,
        operations::post_form::PostForm,
        request::Incoming,
        server::Oss,
        settings::{BucketSpec, KeySpec},
    },
};

/// A credential that has proved itself, what it may do, and what policies can ask of its request.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Caller {
    identity: Identity,
    account: String,
    region: String,
    circumstances: Circumstances,
    listing: Listing,
}

/// Whose permissions count.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    principal: Principal,
    /// Of the RAM user, or of the session's role.
    permissions: Permissions,
    /// What a session was narrowed to.
    session_policy: Option<Permissions>,
}

/// As `AccessDeniedDetail` names it.
#[derive(Debug, Clone)]
enum Principal {
    /// By access key id: the simulator has no RAM users, only their keys.
    SubUser(String),
    /// `role:session`.
    AssumedRoleUser(String),
}

/// The policy that did not let somebody, in RAM's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PolicyType {
    AccountLevelIdentityBasedPolicy,
    SessionPolicy,
}

/// A key that the simulator knows: configured, or of a session.
pub(super) enum Credential<'a> {
    Configured(&'a KeySpec),
    Session(Arc<KnownSession>),
}

impl<'a> Credential<'a> {
    pub(super) fn find(id: &str, oss: &'a Oss) -> Option<Self> {
        let configured = oss.settings.access_key(id).map(Self::Configured);
        configured.or_else(|| oss.sts.sessions.find(id).map(Self::Session))
    }

    /// As the verifier wants it.
    pub(super) fn known_key(&self) -> KnownKey {
        match self {
            Self::Configured(spec) => spec.key.clone().into(),
            Self::Session(known) => KnownKey { key: known.session.key(), expires_at: Some(known.session.expires_at) },
        }
    }

    /// A session whose role is gone may do nothing.
    pub(super) fn identity(&self, oss: &Oss) -> Identity {
        match self {
            Self::Configured(spec) => Identity {
                principal: Principal::SubUser(spec.key.id().to_owned()),
                permissions: spec.permissions.clone(),
                session_policy: None,
            },
            Self::Session(known) => {
                let session = &known.session;
                let role = oss.settings.role(&session.role);
                Identity {
                    principal: Principal::AssumedRoleUser(format!("{}:{}", session.role, session.name)),
                    permissions: role.map_or_else(|| Permissions::of([]), |role| role.permissions.clone()),
                    session_policy: known.policy.clone(),
                }
            }
        }
    }
}

impl Identity {
    /// Role and session policy must both allow; the first that does not is told.
    fn judge(&self, question: &Question<'_>) -> Result<(), (PolicyType, Verdict)> {
        let policies = std::iter::once((PolicyType::AccountLevelIdentityBasedPolicy, &self.permissions))
            .chain(self.session_policy.iter().map(|policy| (PolicyType::SessionPolicy, policy)));
        for (kind, policy) in policies {
            match policy.judge(question) {
                Verdict::Allowed => {}
                verdict => return Err((kind, verdict)),
            }
        }
        Ok(())
    }

    /// Whether it may do something that is not OSS's.
    pub(super) fn may(&self, action: &str, resource: ResourceName<'_>, circumstances: &Circumstances) -> bool {
        self.judge(&Question { action, resource, circumstances, listing: None }).is_ok()
    }
}

impl Caller {
    /// Refuses when RAM does not allow the action on the resource.
    pub(in crate::simulator) fn permit(&self, action: Action, resource: Resource<'_>) -> Result<(), OssError> {
        let (name, id) = (action.ram_name(), resource.id());
        let question = Question {
            action: &name,
            resource: ResourceName { service: "oss", region: &self.region, account: &self.account, id: &id },
            circumstances: &self.circumstances,
            listing: action.lists().then_some(&self.listing),
        };
        self.identity.judge(&question).map_err(|(kind, verdict)| self.denied(&name, kind, verdict))
    }

    /// Codes and words of the pages 0003-00000001, 0003-00000201 and 0003-00000301 of OSS's documentation.
    fn denied(&self, action: &str, kind: PolicyType, verdict: Verdict) -> OssError {
        let (message, ec) = match (kind, verdict) {
            (PolicyType::SessionPolicy, _) => ("Access denied by authorizer's policy.", "0003-00000301"),
            (_, Verdict::ExplicitDeny) => ("Access denied by bucket policy.", "0003-00000201"),
            _ => ("You have no right to access this object because of bucket acl.", "0003-00000001"),
        };
        let (principal, name) = match &self.identity.principal {
            Principal::SubUser(name) => ("SubUser", name),
            Principal::AssumedRoleUser(name) => ("AssumedRoleUser", name),
        };
        OssError::access_denied(message).ec(ec).because([
            ("PolicyType", format!("{kind:?}")),
            ("AuthPrincipalOwnerId", self.account.clone()),
            ("AuthPrincipalType", principal.to_owned()),
            ("AuthPrincipalDisplayName", name.clone()),
            ("NoPermissionType", format!("{verdict:?}")),
            ("AuthAction", action.to_owned()),
        ])
    }

    fn known(id: &str, incoming: &Incoming, oss: &Oss) -> Result<Self, OssError> {
        let credential = Credential::find(id, oss).ok_or(SignatureRefusal::InvalidAccessKeyId)?;
        let bucket = incoming.bucket().and_then(|bucket| oss.settings.bucket(bucket));
        let asked = |name: &str| incoming.query(name).unwrap_or_default().to_owned();
        Ok(Self {
            identity: credential.identity(oss),
            account: oss.settings.account_id.clone(),
            region: bucket.map(|bucket| bucket.region.clone()).unwrap_or_default(),
            circumstances: circumstances(incoming),
            listing: Listing { prefix: asked("prefix"), delimiter: asked("delimiter") },
        })
    }
}

/// What any policy can ask of this request.
pub(super) fn circumstances(incoming: &Incoming) -> Circumstances {
    Circumstances { now: incoming.now, source_ip: incoming.client_ip.parse().ok(), secure_transport: false }
}

/// Finds the credential that signed the request, and checks that it really did.
pub(in crate::simulator) fn authorise(incoming: &Incoming, oss: &Oss) -> Result<Caller, OssError> {
    identify(incoming, oss)?.ok_or_else(OssError::anonymous)
}

/// The same for what everybody may do where an ACL says so: `None` for a request that is not signed at all.
pub(in crate::simulator) fn identify(incoming: &Incoming, oss: &Oss) -> Result<Option<Caller>, OssError> {
    let bucket = incoming.bucket().and_then(|bucket| oss.settings.bucket(bucket));
    let context = VerifyingContext { now: incoming.now, region: bucket.map(|bucket| bucket.region.as_str()) };
    check_ambiguity(incoming)?;
    let verified = verify::verify(&incoming.signable(), |id| find(id, oss), &context)
        .map_err(|refusal| refused::request(refusal, incoming))?;
    verified.map(|verified| Caller::known(verified.access_key_id(), incoming, oss)).transpose()
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
        outcome => outcome.map_err(|refusal| refused::form(refusal, form))?.ok_or_else(OssError::anonymous)?,
    };
    let policy = verified.policy().clone();
    policy.evaluate(&form.facts(&bucket.name), incoming.now)?;
    Ok((Caller::known(verified.access_key_id(), incoming, oss)?, policy))
}

fn find(id: &str, oss: &Oss) -> Option<KnownKey> {
    Credential::find(id, oss).map(|credential| credential.known_key())
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
        match refusal.ec() {
            _ if wrong_region => error.ec("0002-00000226"),
            Some(ec) => error.ec(ec),
            None => error,
        }
    }
}
