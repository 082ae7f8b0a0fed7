//! `POST /key?x-oss-process` with `trigger/callback`: calls back for an object that is there already (P§1.1).

use actix_web::HttpResponse;

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    body::Body,
    callback::order::CallbackOrder,
    errors::OssError,
    operations::stored::Stored,
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::record::Kind,
};

/// Two blobs of 5 KB each and their names.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// What the body asks for.
struct Trigger<'a> {
    callback: &'a str,
    /// SDKs write the name also when there are no variables.
    variables: Option<&'a str>,
}

/// Calls back as an upload would. Reading the object is all the permission it takes, and what the callback's `operation`
/// says is the name of this request: both are assumptions.
pub(in crate::simulator) async fn trigger_callback(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(Action::GetObject, incoming.resource())?;
    let key = incoming.object_key()?;
    let body = body.read_text(MAX_BODY_BYTES).await?;
    let trigger = parse(&body)?;
    let record = oss.objects.find(&bucket.name, key, None).await?.ok_or_else(|| OssError::no_such_key(key))?;
    let Kind::Normal(content) = record.kind.clone() else { return Err(OssError::no_such_key(key)) };
    let order = CallbackOrder::parse(trigger.callback, trigger.variables, oss, bucket).await?;
    let url_missing = || OssError::invalid_argument("The callback url configuration is invalid.", "callback", "");
    let order = order.ok_or_else(|| url_missing().ec("0007-00000004"))?;
    let stored = Stored::existing(bucket, key, record, content);
    Ok(stored.call_back(&order, incoming.operation, oss, incoming).await)
}

/// `x-oss-process=trigger/callback,callback_BASE64,callback-var_BASE64`; other processing is not done here.
fn parse(body: &str) -> Result<Trigger<'_>, OssError> {
    let process = body.trim().strip_prefix("x-oss-process=").unwrap_or(body.trim());
    let mut parts = process.split(',');
    if parts.next() != Some("trigger/callback") {
        return Err(OssError::not_implemented("x-oss-process"));
    }
    let (mut callback, mut variables) = (None, None);
    for part in parts {
        match part.split_once('_') {
            Some(("callback", value)) => callback = Some(value),
            Some(("callback-var", value)) => variables = Some(value).filter(|value| !value.is_empty()),
            _ => return Err(OssError::invalid_argument("The parameter is not supported.", "x-oss-process", part)),
        }
    }
    let missing = || OssError::invalid_argument("The callback parameter is missing.", "x-oss-process", process);
    Ok(Trigger { callback: callback.filter(|value| !value.is_empty()).ok_or_else(missing)?, variables })
}
