//! Limits: what a profile lets a caller ask for, and whether what arrived keeps to its grant.

use std::collections::BTreeMap;

use super::{
    directory,
    fault::{Fault, FaultCode},
    file_name,
    grant::{Grant, GrantKind},
    key_template::MAX_USER_ID_LEN,
    media_type,
    profile::{Method, Profile},
};

/// Most variables a grant carries (P§1.3 recommends no more).
pub const MAX_VARS: usize = 10;
/// Longest value of a variable, in bytes.
pub const MAX_VAR_LEN: usize = 256;

/// What a caller asks for, as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct UncheckedAsk {
    /// The file's name.
    pub filename: Option<String>,
    /// The file's type.
    pub content_type: Option<String>,
    /// The file's size in bytes.
    pub size: Option<u64>,
    /// How it will travel: a method's name, if it is one.
    pub method: Option<String>,
    /// The caller's variables.
    pub vars: BTreeMap<String, String>,
}

/// What a caller asks for, within the profile's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedAsk {
    /// Without directories.
    pub filename: Option<String>,
    /// To be pinned.
    pub content_type: String,
    /// To be pinned, for `post`.
    pub size: Option<u64>,
    /// One that the profile offers.
    pub method: Method,
    /// Only declared ones, none empty.
    pub vars: BTreeMap<String, String>,
}

impl UncheckedAsk {
    /// Holds the wish against the profile.
    ///
    /// # Errors
    /// Every fault, in the order of the fields.
    pub fn check(self, profile: &Profile) -> Result<CheckedAsk, Vec<Fault>> {
        let mut faults = Vec::new();
        let filename = self.filename.as_deref().and_then(|name| {
            file_name::parse(name)
                .map_err(|why| faults.push(Fault::new("filename", FaultCode::InvalidFilename, why)))
                .ok()
        });
        let content_type = check_content_type(self.content_type, filename.as_deref(), profile, &mut faults);
        if let Some(size) = self.size
            && let Some(breach) = size_breach(size, profile.min_size, profile.max_size)
        {
            faults.push(Fault::new("size", breach.code(), breach.to_string()));
        }
        let method = check_method(self.method.as_deref(), profile, &mut faults);
        let vars = check_vars(self.vars, profile, &mut faults);
        match (content_type, method) {
            (Some(content_type), Some(method)) if faults.is_empty() => {
                Ok(CheckedAsk { filename, content_type, size: self.size, method, vars })
            }
            _ => Err(faults),
        }
    }
}

/// How an object breaks its grant; `Display` is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Above the limit.
    #[error("larger than {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// Below the limit.
    #[error("smaller than {min} bytes")]
    TooSmall {
        /// The limit.
        min: u64,
    },
    /// Stored with another type than the pinned one.
    #[error("stored with another content type than the granted one")]
    ContentType,
}

impl Breach {
    /// The code of the same name.
    pub fn code(self) -> FaultCode {
        match self {
            Self::TooLarge { .. } => FaultCode::SizeTooLarge,
            Self::TooSmall { .. } => FaultCode::SizeTooSmall,
            Self::ContentType => FaultCode::ContentTypeNotAllowed,
        }
    }
}

/// Judges what arrived by the grant: the part that OSS could not enforce.
pub fn judge(grant: &Grant, size: u64, content_type: &str) -> Option<Breach> {
    let is_granted_type = match grant.kind {
        GrantKind::Upload => content_type.eq_ignore_ascii_case(&grant.content_type),
        GrantKind::Directory => directory::takes_type(&grant.content_type, content_type),
    };
    size_breach(size, grant.min_size, grant.max_size).or((!is_granted_type).then_some(Breach::ContentType))
}

/// Whether a key, a form field and a callback can carry this user id.
pub fn is_usable_user_id(user_id: &str) -> bool {
    (1..=MAX_USER_ID_LEN).contains(&user_id.len()) && !user_id.chars().any(char::is_control)
}

/// How a size is outside its limits, if it is.
pub(super) fn size_breach(size: u64, min: u64, max: u64) -> Option<Breach> {
    if size > max {
        Some(Breach::TooLarge { max })
    } else if size < min {
        Some(Breach::TooSmall { min })
    } else {
        None
    }
}

fn check_content_type(
    given: Option<String>,
    filename: Option<&str>,
    profile: &Profile,
    faults: &mut Vec<Fault>,
) -> Option<String> {
    let mut refuse = |why: String| {
        faults.push(Fault::new("content_type", FaultCode::ContentTypeNotAllowed, why));
        None
    };
    let content_type = match given {
        Some(text) if !media_type::is_media_type(&text) => return refuse("not a media type".to_owned()),
        Some(text) => text,
        None => match filename.and_then(media_type::from_file_name) {
            Some(derived) => derived.to_owned(),
            None if profile.content_types.is_empty() => media_type::OCTET_STREAM.to_owned(),
            None => return refuse("say `content_type`: the file name suggests none".to_owned()),
        },
    };
    if media_type::is_allowed(&content_type, &profile.content_types) {
        Some(content_type)
    } else {
        refuse(format!("`{content_type}` is not one of {}", profile.content_types.join(", ")))
    }
}

fn check_method(asked: Option<&str>, profile: &Profile, faults: &mut Vec<Fault>) -> Option<Method> {
    let method = match asked {
        None => profile.methods.first().copied(),
        Some(name) => profile.methods.iter().copied().find(|method| method.as_str() == name),
    };
    if method.is_none() {
        let names: Vec<_> = profile.methods.iter().map(|method| method.as_str()).collect();
        let message = format!("this profile offers: {}", names.join(", "));
        faults.push(Fault::new("method", FaultCode::MethodNotAllowedByProfile, message));
    }
    method
}

fn check_vars(asked: BTreeMap<String, String>, profile: &Profile, faults: &mut Vec<Fault>) -> BTreeMap<String, String> {
    for (name, value) in &asked {
        let field = format!("vars.{name}");
        if !profile.vars.contains(name) {
            faults.push(Fault::new(field, FaultCode::UnknownVariable, "the profile does not list this variable"));
        } else if value.len() > MAX_VAR_LEN {
            let message = format!("longer than {MAX_VAR_LEN} bytes");
            faults.push(Fault::new(field, FaultCode::InvalidVariable, message));
        } else if value.chars().any(char::is_control) {
            faults.push(Fault::new(field, FaultCode::InvalidVariable, "it has control characters"));
        }
    }
    asked.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
