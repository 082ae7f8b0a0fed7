//! `PUT|GET|DELETE /?policy&comp=callback`: the callback presets of a bucket (P§1.8).

use std::fmt::Write as _;

use actix_web::HttpResponse;

use crate::{
    oss::{
        callback::{Callback, decode_vars},
        xml::{Element, MAX_DOCUMENT, escape},
    },
    simulator::{
        access::{authorise::authorise, permissions::Action},
        body::Body,
        callback::presets::Preset,
        errors::OssError,
        request::Incoming,
        server::Oss,
        settings::BucketSpec,
    },
};

/// Whether the request is about them.
pub(in crate::simulator) fn is_meant(incoming: &Incoming) -> bool {
    incoming.query("policy").is_some() && incoming.query("comp") == Some("callback")
}

/// Finds out which of the three it is, and does it.
pub(in crate::simulator) async fn callback_policy(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    let action = match incoming.method.as_str() {
        "PUT" => Action::PutBucketCallbackPolicy,
        "GET" => Action::GetBucketCallbackPolicy,
        "DELETE" => Action::DeleteBucketCallbackPolicy,
        method => return Err(OssError::method_not_allowed(method)),
    };
    authorise(incoming, oss)?.permit(action, incoming.resource())?;
    match action {
        Action::PutBucketCallbackPolicy => {
            let presets = parse(&body.read_text(MAX_DOCUMENT).await?)?;
            oss.presets.put(&bucket.name, &presets).await?;
            Ok(HttpResponse::Ok().finish())
        }
        Action::DeleteBucketCallbackPolicy => {
            oss.presets.remove(&bucket.name).await?;
            Ok(HttpResponse::NoContent().finish())
        }
        _ => {
            let presets = oss.presets.list(&bucket.name).await?.ok_or_else(OssError::no_callback_policy)?;
            Ok(HttpResponse::Ok().content_type("application/xml").body(print(&presets)))
        }
    }
}

/// Every preset is judged as an upload's own callback would be; that OSS does so already here is an assumption.
fn parse(xml: &str) -> Result<Vec<Preset>, OssError> {
    let root = Element::parse(xml).filter(|root| root.name == "BucketCallbackPolicy");
    let root = root.ok_or_else(OssError::malformed_xml)?;
    let mut presets: Vec<Preset> = Vec::new();
    for item in root.children_named("PolicyItem") {
        let text = |name: &str| item.child_text(name).map(str::trim).filter(|text| !text.is_empty());
        let (Some(name), Some(callback)) = (text("PolicyName"), text("Callback")) else {
            return Err(OssError::malformed_xml());
        };
        if presets.iter().any(|known| known.name == name) {
            return Err(OssError::invalid_argument("The callback policy name is repeated.", "PolicyName", name));
        }
        let variables = text("CallbackVar");
        Callback::decode(callback).map_err(|error| OssError::invalid_callback(&error, callback))?;
        if let Some(variables) = variables {
            decode_vars(variables).map_err(|error| OssError::invalid_callback(&error, variables))?;
        }
        let callback_var = variables.map(str::to_owned);
        presets.push(Preset { name: name.to_owned(), callback: callback.to_owned(), callback_var });
    }
    Ok(presets)
}

fn print(presets: &[Preset]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<BucketCallbackPolicy>\n".to_owned();
    for Preset { name, callback, callback_var } in presets {
        let fields = [("PolicyName", Some(name)), ("Callback", Some(callback)), ("CallbackVar", callback_var.as_ref())];
        xml.push_str("  <PolicyItem>\n");
        for (name, text) in fields.into_iter().filter_map(|(name, text)| text.map(|text| (name, text))) {
            writeln!(xml, "    <{name}>{}</{name}>", escape(text)).expect("a String takes what is written to it");
        }
        xml.push_str("  </PolicyItem>\n");
    }
    xml.push_str("</BucketCallbackPolicy>\n");
    xml
}
