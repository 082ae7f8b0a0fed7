//! Reading a policy document; what is not in RAM's grammar is refused.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Effect, Listed, MalformedPolicy, ResourcePattern, Statement, condition::Condition};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Document {
    version: String,
    statement: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Block {
    effect: Effect,
    action: Option<Texts>,
    not_action: Option<Texts>,
    resource: Option<Texts>,
    not_resource: Option<Texts>,
    condition: Option<BTreeMap<String, BTreeMap<String, Texts>>>,
}

/// One text, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn into_vec(self, what: &str) -> Result<Vec<String>, MalformedPolicy> {
        let texts = match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        };
        if texts.is_empty() { malformed(format!("{what} is empty")) } else { Ok(texts) }
    }
}

/// Reads a document.
pub(in crate::simulator::access) fn parse(json: &str) -> Result<Vec<Statement>, MalformedPolicy> {
    let document: Document = serde_json::from_str(json).map_err(|error| MalformedPolicy(error.to_string()))?;
    if document.version != "1" {
        return malformed("Version must be \"1\"");
    }
    if document.statement.is_empty() {
        return malformed("Statement is empty");
    }
    document.statement.into_iter().map(statement).collect()
}

fn statement(block: Block) -> Result<Statement, MalformedPolicy> {
    let conditions = block.condition.unwrap_or_default();
    if let Some((operator, _)) = conditions.iter().find(|(_, keys)| keys.is_empty()) {
        return malformed(format!("{operator} has no key"));
    }
    let conditions = conditions.into_iter().flat_map(|(operator, keys)| {
        keys.into_iter().map(move |(key, values)| {
            let values = values.into_vec("a condition")?;
            Condition::parse(&operator, &key, values).map_err(MalformedPolicy)
        })
    });
    Ok(Statement {
        effect: block.effect,
        actions: listed(block.action, block.not_action, "Action", action)?,
        resources: listed(block.resource, block.not_resource, "Resource", resource)?,
        conditions: conditions.collect::<Result<_, _>>()?,
    })
}

/// One of `X` and `NotX`.
fn listed<T>(
    these: Option<Texts>,
    all_but: Option<Texts>,
    what: &str,
    read: fn(&str) -> Result<T, MalformedPolicy>,
) -> Result<Listed<T>, MalformedPolicy> {
    let each = |texts: Texts| texts.into_vec(what)?.iter().map(|text| read(text)).collect::<Result<Vec<T>, _>>();
    match (these, all_but) {
        (Some(texts), None) => Ok(Listed::These(each(texts)?)),
        (None, Some(texts)) => Ok(Listed::AllBut(each(texts)?)),
        _ => malformed(format!("a statement needs one of {what} and Not{what}")),
    }
}

/// `*` or `service:Name`.
fn action(text: &str) -> Result<String, MalformedPolicy> {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?-_".contains(&b));
    let valid = text == "*" || text.split_once(':').is_some_and(|(service, name)| word(service) && word(name));
    if valid { Ok(text.to_owned()) } else { malformed(format!("{text:?} is no action")) }
}

/// `*` or `acs:service:region:account:id`; the id may hold further colons.
fn resource(text: &str) -> Result<ResourcePattern, MalformedPolicy> {
    if text == "*" {
        return Ok(ResourcePattern::Any);
    }
    let parts: Vec<_> = text.splitn(5, ':').collect();
    match parts[..] {
        ["acs", service, region, account, id] if !service.is_empty() && !id.is_empty() => {
            Ok(ResourcePattern::Parts([service, region, account, id].map(str::to_owned)))
        }
        _ => malformed(format!("{text:?} is no resource")),
    }
}

fn malformed<T>(why: impl Into<String>) -> Result<T, MalformedPolicy> {
    Err(MalformedPolicy(why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_statement(statement: &str) -> Result<Vec<Statement>, MalformedPolicy> {
        parse(&format!(r#"{{"Version":"1","Statement":[{statement}]}}"#))
    }

    #[test]
    fn single_texts_and_lists_say_the_same() {
        let one = of_statement(r#"{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:b/*"}"#);
        let many = of_statement(r#"{"Effect":"Allow","Action":["oss:*"],"Resource":["acs:oss:*:*:b/*"]}"#);
        assert!(one.is_ok());
        assert_eq!(one, many);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let documents = [
            ("no JSON", "{"),
            ("a list", "[]"),
            ("no version", r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#),
            ("another version", r#"{"Version":"2","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#),
            (
                "a version that is a number",
                r#"{"Version":1,"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
            ),
            ("no statement", r#"{"Version":"1"}"#),
            ("no statements", r#"{"Version":"1","Statement":[]}"#),
            (
                "a statement outside a list",
                r#"{"Version":"1","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            ),
            (
                "a field too many",
                r#"{"Version":"1","Id":"x","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
            ),
            (
                "a field twice",
                r#"{"Version":"1","Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
            ),
        ];
        for (why, document) in documents {
            assert!(parse(document).is_err(), "{why}");
        }
        let statements = [
            ("no effect", r#"{"Action":"*","Resource":"*"}"#),
            ("another effect", r#"{"Effect":"allow","Action":"*","Resource":"*"}"#),
            ("no action", r#"{"Effect":"Allow","Resource":"*"}"#),
            ("both kinds of action", r#"{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}"#),
            ("no actions", r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#),
            ("an action without a service", r#"{"Effect":"Allow","Action":"PutObject","Resource":"*"}"#),
            ("an action with a blank", r#"{"Effect":"Allow","Action":"oss:Put Object","Resource":"*"}"#),
            ("an action that is a number", r#"{"Effect":"Allow","Action":[1],"Resource":"*"}"#),
            ("no resource", r#"{"Effect":"Allow","Action":"*"}"#),
            ("a resource with too few parts", r#"{"Effect":"Allow","Action":"*","Resource":"acs:oss:*:bucket"}"#),
            ("a resource of others", r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket"}"#),
            ("a principal", r#"{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}"#),
            ("a lower-case field", r#"{"effect":"Allow","Action":"*","Resource":"*"}"#),
            (
                "an operator without keys",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Nothing":{}}}"#,
            ),
            (
                "an unknown operator",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Is":{"oss:Prefix":"a"}}}"#,
            ),
            (
                "an unknown key",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"oss:Size":"1"}}}"#,
            ),
            (
                "a key of another kind",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"oss:Prefix":"a"}}}"#,
            ),
            (
                "no address",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"here"}}}"#,
            ),
            (
                "no boolean",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"acs:SecureTransport":"yes"}}}"#,
            ),
            (
                "no date",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"acs:CurrentTime":"now"}}}"#,
            ),
            (
                "no values",
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"oss:Prefix":[]}}}"#,
            ),
        ];
        for (why, statement) in statements {
            assert!(of_statement(statement).is_err(), "{why}");
        }
    }
}
