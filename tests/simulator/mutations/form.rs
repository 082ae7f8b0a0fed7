//! A PostObject form in which everything is pinned, as bytes.

use chrono::TimeDelta;
use oss_valet::oss::{
    access_key::AccessKey,
    post_form,
    post_policy::{Condition, PostPolicy},
    request::SignatureVersion,
};

use super::{
    bed::{BODY, Bed, CALLBACK, KEY},
    wire::Wire,
};
use crate::harness::BUCKET;

const BOUNDARY: &str = "----mutations";

/// Which signature the form carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormWay {
    V1,
    V4,
}

impl FormWay {
    pub(super) const ALL: [Self; 2] = [Self::V1, Self::V4];

    fn version(self) -> SignatureVersion {
        if self == Self::V1 { SignatureVersion::V1 } else { SignatureVersion::V4 }
    }
}

/// Which of the three places for the object's content type is used; the policy pins what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    OwnField,
    FilePart,
    Field,
}

impl Typed {
    pub(super) const ALL: [Self; 3] = [Self::OwnField, Self::FilePart, Self::Field];
}

/// One part of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) value: Vec<u8>,
}

impl Part {
    pub(super) fn field(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), file_name: None, content_type: None, value: value.as_bytes().to_vec() }
    }
}

/// A form and how it was made.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) way: FormWay,
    pub(super) key: AccessKey,
    pub(super) typed: Typed,
    /// In order; the file is the last.
    pub(super) parts: Vec<Part>,
    pub(super) bucket: String,
}

/// What the policy pins beside key, bucket, length, content type and the signature's own fields.
pub(super) const PINNED: [(&str, &str); 9] = [
    ("callback", CALLBACK),
    ("x:sid", "s-0001"),
    ("x-oss-forbid-overwrite", "false"),
    ("success_action_status", "200"),
    ("success_action_redirect", ""),
    ("x-oss-meta-a", "one"),
    ("x-oss-object-acl", "private"),
    ("x-oss-storage-class", "Standard"),
    ("Cache-Control", "no-cache"),
];

impl Form {
    pub(super) fn signed(bed: &Bed, way: FormWay, key: &AccessKey, typed: Typed) -> Self {
        let context = bed.world.context(way.version(), key);
        let pin = |(name, value): (&str, &str)| Condition::Eq(name.to_owned(), value.to_owned());
        let mut conditions: Vec<_> = PINNED.into_iter().map(pin).collect();
        conditions.extend([("key", KEY), ("content-type", "image/png")].map(pin));
        conditions.push(Condition::Simple("bucket".to_owned(), BUCKET.to_owned()));
        conditions.push(Condition::ContentLengthRange(9, 9));
        conditions.push(Condition::NotIn("x-oss-meta-forbidden".to_owned(), vec!["yes".to_owned()]));
        let own = post_form::signature_conditions(&context);
        conditions.extend(own.into_iter().map(|(name, value)| Condition::Simple(name, value)));
        let policy = PostPolicy { expiration: bed.world.now() + TimeDelta::hours(1), conditions };
        let mut fields = vec![("key".to_owned(), KEY.to_owned())];
        fields.extend(post_form::signature_fields(&policy, &context));
        fields.extend(PINNED.map(|(name, value)| (name.to_owned(), value.to_owned())));
        match typed {
            Typed::OwnField => fields.push(("x-oss-content-type".to_owned(), "image/png".to_owned())),
            Typed::Field => fields.push(("Content-Type".to_owned(), "image/png".to_owned())),
            Typed::FilePart => {}
        }
        let mut parts: Vec<_> = fields.iter().map(|(name, value)| Part::field(name, value)).collect();
        let content_type = match typed {
            Typed::OwnField => Some("text/plain".to_owned()),
            Typed::FilePart => Some("image/png".to_owned()),
            Typed::Field => None,
        };
        parts.push(Part { file_name: Some("a.png".to_owned()), content_type, ..Part::field("file", "") });
        parts.last_mut().expect("the file").value = BODY.to_vec();
        Self { way, key: key.clone(), typed, parts, bucket: BUCKET.to_owned() }
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.name == name)?;
        std::str::from_utf8(&part.value).ok()
    }

    /// The field with another value.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        self.with_part(name, |part| part.value = value.as_bytes().to_vec())
    }

    pub(super) fn with_part(&self, name: &str, change: impl FnOnce(&mut Part)) -> Self {
        let mut changed = self.clone();
        change(changed.parts.iter_mut().find(|part| part.name == name).expect("the part"));
        changed
    }

    pub(super) fn without(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed.parts.retain(|part| part.name != name);
        changed
    }

    /// One more part, at the very beginning.
    pub(super) fn with_first(&self, part: Part) -> Self {
        let mut changed = self.clone();
        changed.parts.insert(0, part);
        changed
    }

    /// One more part, before the file.
    pub(super) fn with_more(&self, part: Part) -> Self {
        let mut changed = self.clone();
        changed.parts.insert(changed.parts.len() - 1, part);
        changed
    }

    /// One more part, behind the file.
    pub(super) fn with_last(&self, part: Part) -> Self {
        let mut changed = self.clone();
        changed.parts.push(part);
        changed
    }

    pub(super) fn wire(&self) -> Wire {
        let mut body = Vec::new();
        for Part { name, file_name, content_type, value } in &self.parts {
            let file_name = file_name.as_ref().map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
            let content_type =
                content_type.as_ref().map(|kind| format!("\r\nContent-Type: {kind}")).unwrap_or_default();
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}{content_type}\r\n\r\n"
            );
            body.extend([head.as_bytes(), value, b"\r\n"].concat());
        }
        body.extend(format!("--{BOUNDARY}--\r\n").as_bytes());
        Wire {
            method: "POST".to_owned(),
            path: format!("/{}/", self.bucket),
            query: vec![],
            query_tail: String::new(),
            headers: vec![("Content-Type".to_owned(), format!("multipart/form-data; boundary={BOUNDARY}"))],
            header_tail: vec![],
            body,
        }
    }
}
