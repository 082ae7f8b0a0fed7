//! The rules of a bucket that can be read, set and removed: `?cors`, `?lifecycle`, `?versioning`.

use actix_web::{HttpResponse, http::StatusCode};

use crate::{
    oss::xml::Element,
    simulator::{
        access::{authorise::authorise, permissions::Action},
        body::Body,
        bucket::{LifecycleRule, Versioning},
        cors::CorsRule,
        errors::OssError,
        request::Incoming,
        server::Oss,
        settings::BucketSpec,
        xml::Xml,
    },
};

/// Longest document of rules; the documentation says so of CORS.
const MAX_RULES_BYTES: usize = 16 * 1024;
const MAX_CORS_RULES: usize = 10;
const CORS_METHODS: [&str; 5] = ["GET", "PUT", "DELETE", "POST", "HEAD"];

/// Which rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Rules {
    Cors,
    Lifecycle,
    Versioning,
}

impl Rules {
    fn actions(self) -> [Action; 3] {
        match self {
            Self::Cors => [Action::GetBucketCors, Action::PutBucketCors, Action::DeleteBucketCors],
            Self::Lifecycle => [Action::GetBucketLifecycle, Action::PutBucketLifecycle, Action::DeleteBucketLifecycle],
            // Versioning can't be deleted; nobody comes here with DELETE.
            Self::Versioning => [Action::GetBucketVersioning, Action::PutBucketVersioning, Action::PutBucketVersioning],
        }
    }
}

/// `GET`: the rules as a document, or that there are none.
pub(in crate::simulator) fn get(
    rules: Rules,
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(rules.actions()[0], incoming.resource())?;
    let missing =
        |code, message| Err(OssError::new(StatusCode::NOT_FOUND, code, message).detail("BucketName", &*bucket.name));
    match rules {
        Rules::Cors if bucket.cors.is_empty() => {
            missing("NoSuchCORSConfiguration", "The CORS Configuration does not exist.")
        }
        Rules::Lifecycle if bucket.lifecycle.is_empty() => {
            missing("NoSuchLifecycle", "No Row found in Lifecycle Table.")
        }
        Rules::Cors => Ok(cors_document(bucket).answer()),
        Rules::Lifecycle => Ok(lifecycle_document(&bucket.lifecycle).answer()),
        Rules::Versioning => {
            let mut xml = Xml::new("VersioningConfiguration");
            xml.optional("Status", bucket.versioning.status());
            Ok(xml.answer())
        }
    }
}

/// `PUT`: the document replaces what there was.
pub(in crate::simulator) async fn put(
    rules: Rules,
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
    body: Body,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(rules.actions()[1], incoming.resource())?;
    let xml = body.read_checked(incoming, MAX_RULES_BYTES).await?;
    let root = Element::parse(&xml).ok_or_else(OssError::malformed_xml)?;
    match rules {
        Rules::Cors => {
            let (cors, response_vary) = parse_cors(&root)?;
            oss.buckets.change(&bucket.name, |spec| {
                spec.cors = cors;
                spec.response_vary = response_vary;
            })?;
        }
        Rules::Lifecycle => {
            let lifecycle = parse_lifecycle(&root)?;
            oss.buckets.change(&bucket.name, |spec| spec.lifecycle = lifecycle)?;
        }
        Rules::Versioning => {
            let versioning = parse_versioning(&root)?;
            oss.buckets.change(&bucket.name, |spec| spec.versioning = versioning)?;
        }
    }
    Ok(HttpResponse::Ok().finish())
}

/// `DELETE`: no rules any more; that there were none is no error.
pub(in crate::simulator) fn delete(
    rules: Rules,
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(rules.actions()[2], incoming.resource())?;
    oss.buckets.change(&bucket.name, |spec| match rules {
        Rules::Cors => spec.cors.clear(),
        Rules::Lifecycle => spec.lifecycle.clear(),
        Rules::Versioning => {}
    })?;
    Ok(HttpResponse::NoContent().finish())
}

fn cors_document(bucket: &BucketSpec) -> Xml {
    let mut xml = Xml::new("CORSConfiguration");
    for rule in &bucket.cors {
        xml.element("CORSRule", |xml| {
            let lists = [
                ("AllowedOrigin", &rule.allowed_origins),
                ("AllowedMethod", &rule.allowed_methods),
                ("AllowedHeader", &rule.allowed_headers),
                ("ExposeHeader", &rule.expose_headers),
            ];
            for (name, values) in lists {
                for value in values {
                    xml.text(name, value);
                }
            }
            xml.optional("MaxAgeSeconds", rule.max_age_seconds.map(|seconds| seconds.to_string()).as_deref());
        });
    }
    xml.text("ResponseVary", if bucket.response_vary { "true" } else { "false" });
    xml
}

fn parse_cors(root: &Element) -> Result<(Vec<CorsRule>, bool), OssError> {
    if root.name != "CORSConfiguration" {
        return Err(OssError::malformed_xml());
    }
    let rules: Vec<CorsRule> = root.children_named("CORSRule").map(parse_cors_rule).collect::<Result<_, _>>()?;
    if rules.is_empty() {
        return Err(OssError::malformed_xml());
    }
    if rules.len() > MAX_CORS_RULES {
        return Err(OssError::bad_request("CORSRuleBeyondLimit", "The CORS Rules num is beyond limit."));
    }
    Ok((rules, root.child_text("ResponseVary").is_some_and(|vary| vary.trim() == "true")))
}

fn parse_cors_rule(element: &Element) -> Result<CorsRule, OssError> {
    let texts =
        |name: &str| element.children_named(name).map(|child| child.text.trim().to_owned()).collect::<Vec<String>>();
    let max_age_seconds = match element.child_text("MaxAgeSeconds") {
        Some(seconds) => Some(seconds.trim().parse().map_err(|_| OssError::malformed_xml())?),
        None => None,
    };
    let rule = CorsRule {
        allowed_origins: texts("AllowedOrigin"),
        allowed_methods: texts("AllowedMethod"),
        allowed_headers: texts("AllowedHeader"),
        expose_headers: texts("ExposeHeader"),
        max_age_seconds,
    };
    let one_star = |values: &[String]| values.iter().all(|value| value.matches('*').count() <= 1);
    let valid = !rule.allowed_origins.is_empty()
        && !rule.allowed_methods.is_empty()
        && rule.allowed_methods.iter().all(|method| CORS_METHODS.contains(&method.as_str()))
        && one_star(&rule.allowed_origins)
        && one_star(&rule.allowed_headers)
        && rule.expose_headers.iter().all(|header| !header.contains('*'));
    if valid { Ok(rule) } else { Err(OssError::malformed_xml()) }
}

fn lifecycle_document(rules: &[LifecycleRule]) -> Xml {
    let mut xml = Xml::new("LifecycleConfiguration");
    for rule in rules {
        xml.element("Rule", |xml| {
            let status = if rule.enabled { "Enabled" } else { "Disabled" };
            xml.text("ID", &rule.id).text("Prefix", &rule.prefix).text("Status", status);
            let deadlines =
                [("Expiration", rule.expiration_days), ("AbortMultipartUpload", rule.abort_multipart_upload_days)];
            for (name, days) in deadlines {
                if let Some(days) = days {
                    xml.element(name, |xml| {
                        xml.text("Days", &days.to_string());
                    });
                }
            }
        });
    }
    xml
}

/// Expiration and the aborting of uploads after days; of the rest of the language the simulator knows nothing.
fn parse_lifecycle(root: &Element) -> Result<Vec<LifecycleRule>, OssError> {
    if root.name != "LifecycleConfiguration" {
        return Err(OssError::malformed_xml());
    }
    let mut rules: Vec<LifecycleRule> = Vec::new();
    for (index, element) in root.children_named("Rule").enumerate() {
        const KNOWN: [&str; 5] = ["ID", "Prefix", "Status", "Expiration", "AbortMultipartUpload"];
        if let Some(other) = element.children.iter().find(|child| !KNOWN.contains(&child.name.as_str())) {
            return Err(OssError::not_implemented(&format!("{} in a lifecycle rule", other.name)));
        }
        let id = element.child_text("ID").map(str::trim).filter(|id| !id.is_empty());
        let rule = LifecycleRule {
            id: id.map_or_else(|| format!("rule-{}", index + 1), str::to_owned),
            prefix: element.child_text("Prefix").unwrap_or_default().to_owned(),
            enabled: match element.child_text("Status").map(str::trim) {
                Some("Enabled") => true,
                Some("Disabled") => false,
                _ => return Err(OssError::malformed_xml()),
            },
            expiration_days: parse_days(element.child("Expiration"))?,
            abort_multipart_upload_days: parse_days(element.child("AbortMultipartUpload"))?,
        };
        let acts = rule.expiration_days.is_some() || rule.abort_multipart_upload_days.is_some();
        if !acts || rules.iter().any(|earlier| earlier.id == rule.id) {
            return Err(OssError::malformed_xml());
        }
        rules.push(rule);
    }
    if rules.is_empty() { Err(OssError::malformed_xml()) } else { Ok(rules) }
}

fn parse_days(element: Option<&Element>) -> Result<Option<u32>, OssError> {
    let Some(element) = element else { return Ok(None) };
    let Some(days) = element.child_text("Days") else {
        return Err(OssError::not_implemented("a lifecycle rule without Days"));
    };
    days.trim().parse().ok().filter(|days| *days > 0).map(Some).ok_or_else(OssError::malformed_xml)
}

fn parse_versioning(root: &Element) -> Result<Versioning, OssError> {
    if root.name != "VersioningConfiguration" {
        return Err(OssError::malformed_xml());
    }
    let status = root.child_text("Status").map(str::trim).unwrap_or_default();
    Versioning::parse(status)
        .ok_or_else(|| OssError::invalid_argument("The Versioning element must be specified.", "Status", status))
}
