//! The callback a request asks for, checked and resolved before anything is stored (P§1.2–1.4, P§1.7).
//!
//! PutObject, PostObject and `CompleteMultipartUpload` look here, and the trigger for what is stored already. Other
//! operations pass `x-oss-callback` by: the documentation names these three and says nothing of the rest (an assumption).

use crate::{
    oss::callback::{self, Callback},
    simulator::{
        callback::resolve::Target, errors::OssError, operations::post_form::PostForm, request::Incoming, server::Oss,
        settings::BucketSpec,
    },
};

/// A callback, the values of its custom variables, and where its URLs lead, in their order.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct CallbackOrder {
    pub(in crate::simulator) callback: Callback,
    pub(in crate::simulator) variables: Vec<(String, String)>,
    pub(in crate::simulator) targets: Vec<Target>,
}

impl CallbackOrder {
    /// From `x-oss-callback(-var)` headers or `callback(-var)` query parameters; both at once are refused.
    pub(in crate::simulator) async fn of_request(
        incoming: &Incoming,
        oss: &Oss,
        bucket: &BucketSpec,
    ) -> Result<Option<Self>, OssError> {
        let text = either(incoming, "callback", "x-oss-callback")?;
        let variables = either(incoming, "callback-var", "x-oss-callback-var")?;
        let Some(text) = text else { return Ok(None) };
        Self::parse(text, variables, oss, bucket).await
    }

    /// From the form field `callback`; every field `x:…` is a variable.
    pub(in crate::simulator) async fn of_form(
        form: &PostForm,
        oss: &Oss,
        bucket: &BucketSpec,
    ) -> Result<Option<Self>, OssError> {
        let Some(text) = form.get("callback") else { return Ok(None) };
        let (callback, preset) = decode(text, oss, bucket).await?;
        Self::resolved(callback, merged(form.variables(), preset), oss).await
    }

    /// From the two Base64 texts.
    pub(in crate::simulator) async fn parse(
        text: &str,
        variables: Option<&str>,
        oss: &Oss,
        bucket: &BucketSpec,
    ) -> Result<Option<Self>, OssError> {
        let own = variables.map(decode_variables).transpose()?.unwrap_or_default();
        let (callback, preset) = decode(text, oss, bucket).await?;
        Self::resolved(callback, merged(own, preset), oss).await
    }

    /// A callback without a URL is none (P§1.2).
    async fn resolved(
        callback: Callback,
        variables: Vec<(String, String)>,
        oss: &Oss,
    ) -> Result<Option<Self>, OssError> {
        let mut targets = Vec::new();
        for url in &callback.urls {
            targets.push(oss.callbacks.hosts.resolve(url).await?);
        }
        Ok((!targets.is_empty()).then_some(Self { callback, variables, targets }))
    }
}

/// The callback, and the variables of the bucket's preset if it names one (P§1.8).
async fn decode(text: &str, oss: &Oss, bucket: &BucketSpec) -> Result<(Callback, Vec<(String, String)>), OssError> {
    let refused = |error| OssError::invalid_callback(&error, text);
    // London sends SNI, whatever the callback says (P§1.2).
    let with_sni = |callback: Callback| Callback { sni: callback.sni || bucket.region == "eu-west-1", ..callback };
    let Some(name) = Callback::preset_name(text).map_err(refused)? else {
        return Ok((with_sni(Callback::decode(text).map_err(refused)?), vec![]));
    };
    let preset = oss.presets.find(&bucket.name, &name).await?.ok_or_else(OssError::no_callback_policy)?;
    let variables = preset.callback_var.as_deref().map(decode_variables).transpose()?.unwrap_or_default();
    Ok((with_sni(Callback::decode_over(&preset.callback, text).map_err(refused)?), variables))
}

fn decode_variables(text: &str) -> Result<Vec<(String, String)>, OssError> {
    callback::decode_vars(text).map_err(|error| OssError::invalid_callback(&error, text))
}

/// The request's own variables count before the preset's.
fn merged(mut own: Vec<(String, String)>, preset: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in preset {
        if own.iter().all(|(known, _)| *known != name) {
            own.push((name, value));
        }
    }
    own
}

fn either<'a>(incoming: &'a Incoming, query: &str, header: &str) -> Result<Option<&'a str>, OssError> {
    match (incoming.query(query), incoming.header(header)) {
        (Some(_), Some(value)) => {
            let message = format!(
                "Either the {query} query string parameter or the {header} header should be specified, not both."
            );
            Err(OssError::invalid_argument(message, query, value))
        }
        (query, header) => Ok(query.or(header)),
    }
}
