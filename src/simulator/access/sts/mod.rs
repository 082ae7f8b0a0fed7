//! STS: `AssumeRole` and `AssumeRoleWithOIDC` of version 2015-04-01 (P§6.1, P§6.3).
//!
//! Answers where no bucket is addressed and at `sts.*.aliyuncs.com`. [`call`] reads a request, [`signature`] checks who signed it,
//! [`assume_role`] and [`oidc`] hand out sessions, [`answer`] writes JSON or XML. Codes, messages and statuses are those of STS's error
//! tables and of the API gateway before it; the few that no source gives are marked as assumptions.

mod answer;
mod assume_role;
mod call;
mod guard;
mod handle;
mod oidc;
mod signature;
mod token;

pub use handle::{IssueError, SessionInfo, StsHandle};

use std::path::Path;

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde_json::Value;

use self::{answer::StsError, call::Call, guard::Guard, token::Provider};
use super::{roles::OidcProviderSpec, sessions::Sessions};
use crate::simulator::{
    body::Body,
    request::Incoming,
    server::{BindError, Oss},
};

/// The only version there is.
const VERSION: &str = "2015-04-01";

/// What STS keeps.
pub(in crate::simulator) struct Sts {
    pub(in crate::simulator) sessions: Sessions,
    guard: Guard,
    providers: Vec<Provider>,
}

impl Sts {
    /// Reads the sessions of earlier runs, and the providers' keys.
    pub(in crate::simulator) fn open(
        root: &Path,
        providers: &[OidcProviderSpec],
        calls_per_second: Option<u32>,
        now: DateTime<Utc>,
    ) -> Result<Self, BindError> {
        Ok(Self {
            sessions: Sessions::open(root, now)
                .map_err(|source| BindError::DataFolder { path: root.join("sts"), source })?,
            guard: Guard::new(calls_per_second),
            providers: providers
                .iter()
                .map(Provider::new)
                .collect::<Result<_, _>>()
                .map_err(BindError::OidcProvider)?,
        })
    }
}

/// Whether a request is for STS: by its host, or because nothing of OSS is addressed and it names an action.
pub(in crate::simulator) fn is_addressed(incoming: &Incoming, path: &str) -> bool {
    let host = incoming.host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let by_host = host.ends_with(".aliyuncs.com") && (host.starts_with("sts.") || host.starts_with("sts-vpc."));
    let service = incoming.bucket().is_none() && path == "/";
    // OSS has no POST without a bucket; a GET lists the buckets, unless it names an action.
    let acting =
        incoming.method == "POST" || incoming.query("Action").is_some() || incoming.header("x-acs-action").is_some();
    by_host || (service && acting)
}

/// Answers a call.
pub(in crate::simulator) async fn serve(oss: &Oss, incoming: &Incoming, path: &str, body: Body) -> HttpResponse {
    let call = match Call::read(incoming, path, body).await {
        Ok(call) => call,
        Err((call, error)) => {
            incoming.notes.code(error.code());
            return error.response(&call);
        }
    };
    match operate(oss, incoming, &call).await {
        Ok(answer) => answer::success(&call, answer),
        Err(error) => {
            incoming.notes.code(error.code());
            error.response(&call)
        }
    }
}

async fn operate(oss: &Oss, incoming: &Incoming, call: &Call) -> Result<Value, StsError> {
    if !matches!(call.method.as_str(), "GET" | "POST") {
        return Err(StsError::new(405, "UnsupportedHTTPMethod", "This http method is not supported."));
    }
    let action = call.action.as_deref().ok_or_else(|| StsError::missing("Action"))?;
    let version = call.version.as_deref().ok_or_else(|| StsError::missing("Version"))?;
    if version != VERSION {
        return Err(StsError::new(400, "InvalidVersion", "Specified parameter Version is not valid."));
    }
    incoming.notes.operation(action);
    oss.faults.strike(incoming, action, "").await.map_err(StsError::on_demand)?;
    match action {
        "AssumeRole" => {
            let signer = signature::verify(oss, call)?;
            oss.sts.guard.admit(call.now)?;
            assume_role::assume_role(oss, incoming, call, &signer).await
        }
        "AssumeRoleWithOIDC" => {
            oss.sts.guard.admit(call.now)?;
            oidc::assume_role_with_oidc(oss, call).await
        }
        _ => {
            let message = "Specified api is not found, please check your url and method.";
            Err(StsError::new(404, "InvalidAction.NotFound", message))
        }
    }
}
