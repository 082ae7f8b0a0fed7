//! Issue a directory grant: leave for any objects under a directory made for it, as clients of old app servers ask for it.

use chrono::{DateTime, Utc};

use super::{
    Bucket, Valet,
    audit::{self, Given},
    issue::{IssueError, effective_user, quota_exhausted},
    ports::{Caller, Credential, GrantAdded, NewGrant, Session, TokenService},
    signing::{Means, SigningError, warn_of_long_fields},
};
use crate::{
    grant::{
        directory::allowed_types,
        fault::{Fault, FaultCode},
        grant::{Grant, GrantKind, State},
        key_template::{KeyFacts, UnusableKey},
        policy_digest::digest_of_request,
        profile::{Method, Profile},
        request::{ClientRequest, Pinning, pin},
        session_policy::{session_duration, session_name, session_policy},
    },
    oss::{access_key::AccessKey, presign::SigningContext, request::SignatureVersion},
};

/// A directory grant with its form.
#[derive(Debug, Clone)]
pub struct DirectoryForm {
    /// The grant; its key is the directory.
    pub grant: Grant,
    /// The bucket's URL, without a slash at its end.
    pub host: String,
    /// What a client sends, the file last.
    pub form: ClientRequest,
}

impl DirectoryForm {
    /// A field of the form; empty where it has none of that name.
    pub fn field(&self, name: &str) -> &str {
        self.form.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Valet {
    /// Issues a directory grant by form, signed in this version whatever the bucket's own is: the client's shape has no room for
    /// another.
    ///
    /// # Errors
    /// When the caller may not, the profile has no directory or does not offer `post`, or something we stand on fails; then nothing
    /// is recorded.
    pub async fn issue_directory_form(
        &self,
        caller: &Caller,
        profile: &str,
        version: SignatureVersion,
        now: DateTime<Utc>,
    ) -> Result<DirectoryForm, IssueError> {
        let (user_id, profile) = self.directory_profile(caller, profile, Method::Post)?;
        let bucket = self.bucket_for(profile)?;
        let means = self.means(Method::Post, profile, bucket, now).await?;
        let Some(Credential { key: own, .. }) = &means.credential else {
            return Err(SigningError::NoTokenService.into());
        };
        let has_token = own.expose_security_token().is_some();
        if version == SignatureVersion::V1 && has_token {
            let why = "this answer has no room for a security token: use the one of V4";
            return Err(faulty("profile", FaultCode::CredentialsNotSupported, why));
        }
        // The page of the V4 samples sends a token whatever it holds, and an empty one is none that OSS takes.
        let role = bucket.tokens.as_deref().filter(|_| version == SignatureVersion::V4 && !has_token);
        if let Some(role) = role {
            role.admit(now).map_err(SigningError::from)?;
        }
        let grant = self.add_directory(user_id, profile, bucket, Method::Post, &means, now).await?;
        let (grant, key) = match role {
            Some(role) => borrow_key(role, grant, now).await?,
            None => (grant, own.clone()),
        };
        let Bucket { endpoint, region, .. } = bucket;
        let pinning = Pinning {
            profile,
            signing: SigningContext { version, endpoint, region, key: &key, signing_key: None, now },
            seal_keys: &self.seal_keys,
            callback_urls: &self.callback_urls,
        };
        let (form, _) = pin(&grant, &pinning).expect("a form has no lifetime of its own");
        warn_of_long_fields(&grant, &form);
        audit::handed_out(Given::Issue, caller, &grant, Some(&digest_of_request(&form)));
        Ok(DirectoryForm { host: endpoint.bucket_url(&grant.bucket), form, grant })
    }

    /// The user, and the profile if this caller may have directories of it by this method.
    pub(super) fn directory_profile(
        &self,
        caller: &Caller,
        profile: &str,
        method: Method,
    ) -> Result<(String, &Profile), IssueError> {
        let user_id = effective_user(caller, None)?;
        let profile = self.profile_for(caller, profile).ok_or(IssueError::ProfileNotAllowed)?;
        if profile.directory.is_none() {
            return Err(faulty("profile", FaultCode::DirectoryNotAllowed, "this profile has no `directory`"));
        }
        if !profile.methods.contains(&method) {
            let why = format!("this profile does not offer `{}`", method.as_str());
            return Err(faulty("profile", FaultCode::MethodNotAllowedByProfile, &why));
        }
        Ok((user_id, profile))
    }

    pub(super) fn bucket_for(&self, profile: &Profile) -> Result<&Bucket, SigningError> {
        let bucket = self.buckets.get(&profile.bucket).map(|bucket| &**bucket);
        bucket.ok_or_else(|| SigningError::BucketUnknown(profile.bucket.clone()))
    }

    /// A new directory grant, in the ledger.
    pub(super) async fn add_directory(
        &self,
        user_id: String,
        profile: &Profile,
        bucket: &Bucket,
        method: Method,
        means: &Means,
        now: DateTime<Utc>,
    ) -> Result<Grant, IssueError> {
        let id = self.new_id(now);
        let facts =
            KeyFacts { user_id: &user_id, id: &id.to_string(), ext: "", profile: &profile.name, now, vars: &[] };
        let directory = profile.directory.as_ref().map(|template| template.render(&facts)).transpose();
        let key = directory.map_err(|why| unusable(&why))?.unwrap_or_default();
        let grant = Grant {
            id,
            kind: GrantKind::Directory,
            profile: profile.name.clone(),
            method,
            state: State::Issued,
            reason: None,
            user_id,
            created_by: None,
            bucket: bucket.bucket.clone(),
            region: bucket.region.clone(),
            key,
            content_type: allowed_types(profile),
            min_size: profile.min_size,
            max_size: profile.max_size,
            declared_size: None,
            filename: None,
            vars: [].into(),
            // Nothing that old forms or credentials send would forbid it.
            overwrite: true,
            oss_upload_id: None,
            issued_at: now,
            expires_at: means.expires_at,
            write_until: means.write_until,
        };
        let next_check_at = self.first_look(&grant, now);
        match self
            .store
            .add_grant(NewGrant { grant: grant.clone(), next_check_at, idempotency: None, quotas: self.quotas })
            .await?
        {
            GrantAdded::Added => Ok(grant),
            GrantAdded::QuotaExhausted { quota, free_at } => Err(quota_exhausted(quota, free_at, now)),
            GrantAdded::AlreadyClaimed { .. } => unreachable!("nothing was claimed"),
        }
    }
}

/// A temporary key that may do no more than the grant: the form is signed with it, and its client never sees the secret. No
/// signature outlives it, though the grant itself may.
async fn borrow_key(
    role: &dyn TokenService,
    grant: Grant,
    now: DateTime<Utc>,
) -> Result<(Grant, AccessKey), SigningError> {
    let session = Session {
        name: session_name(&grant.user_id),
        policy: session_policy(&grant)?,
        duration: session_duration(grant.expires_at - now, role.longest()),
    };
    let Credential { key, expires_at } = role.issue(&session, now).await?;
    let end = expires_at.map_or(grant.expires_at, |end| end.min(grant.expires_at));
    Ok((Grant { expires_at: end, ..grant }, key))
}

fn unusable(why: &UnusableKey) -> IssueError {
    let (field, code) = match why {
        UnusableKey::UserId => ("user_id", FaultCode::UserIdUnusable),
        UnusableKey::Variable(_) | UnusableKey::TooLong => ("profile", FaultCode::DirectoryNotAllowed),
    };
    faulty(field, code, &why.to_string())
}

fn faulty(field: &str, code: FaultCode, why: &str) -> IssueError {
    IssueError::Faulty(vec![Fault::new(field, code, why)])
}
