//! `AssumeRoleWithOIDC`: unsigned; the token is the proof (P§6.3).

use serde_json::{Value, json};

use super::{
    answer::StsError,
    assume_role::{Asked, find_role},
    call::Call,
    token::{Claims, Provider, instant, invalid},
};
use crate::simulator::{
    access::{policy::covers, roles::RoleSpec},
    server::Oss,
};

/// Characters, as the parameter's documentation says.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 4..=20_000;

/// Hands out a session of the role, if the token is good and the role trusts its provider and subject.
pub(super) async fn assume_role_with_oidc(oss: &Oss, call: &Call) -> Result<Value, StsError> {
    let provider_arn = needed(call, "OIDCProviderArn")?;
    let role_arn = needed(call, "RoleArn")?;
    let token = call.parameter("OIDCToken").ok_or_else(|| invalid("The OIDCToken can not empty."))?;
    if !TOKEN_LENGTH.contains(&token.len()) {
        return Err(invalid("The Jwt content is invalid that cannot be recognized."));
    }
    needed(call, "RoleSessionName")?;
    let provider = find_provider(oss, provider_arn)?;
    let role = find_role(oss, role_arn)?;
    let asked = Asked::read(call, role)?;
    let claims = provider.verify(token, call.now)?;
    check_trust(role, provider, &claims)?;
    let mut answer = asked.issue(oss, call, None).await?;
    answer["OIDCTokenInfo"] = json!({
        "Issuer": claims.iss,
        "Subject": claims.sub,
        "ClientIds": claims.aud.names().join(","),
        "ExpirationTime": instant(claims.exp),
        "IssuanceTime": claims.iat.and_then(instant),
        "VerificationInfo": "Success",
    });
    Ok(answer)
}

/// This action words it in its own way.
fn needed<'a>(call: &'a Call, name: &str) -> Result<&'a str, StsError> {
    let missing = || StsError::new(400, format!("MissingParameter.{name}"), format!("Parameter {name} is required."));
    call.parameter(name).ok_or_else(missing)
}

/// `acs:ram::ACCOUNT:oidc-provider/NAME`.
fn find_provider<'a>(oss: &'a Oss, arn: &str) -> Result<&'a Provider, StsError> {
    let parts = arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":oidc-provider/"));
    let (account, name) = parts.ok_or_else(|| StsError::wrongly_formed("OIDCProviderArn"))?;
    let known = oss.sts.providers.iter().find(|provider| provider.spec.name == name);
    known
        .filter(|_| account == oss.settings.account_id)
        .ok_or_else(|| not_permitted("No such OIDC Provider registered."))
}

fn check_trust(role: &RoleSpec, provider: &Provider, claims: &Claims) -> Result<(), StsError> {
    let trust = &role.trust;
    let subject = trust.oidc_subject.as_deref().is_none_or(|pattern| covers(pattern, &claims.sub));
    if subject && trust.oidc_providers.contains(&provider.spec.name) {
        Ok(())
    } else {
        Err(not_permitted("There is no permission"))
    }
}

fn not_permitted(message: &'static str) -> StsError {
    StsError::new(401, "AuthenticationFail.NoPermission", message)
}
