//! The fields of a PostObject form, in order, up to the file (P§3.1, P§3.2).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::header;
use futures_util::{Stream, StreamExt};

use crate::{
    oss::post_policy::PostFormFacts,
    simulator::{body::Body, errors::OssError},
};

/// Longest field name (P§3.2).
const MAX_NAME_BYTES: usize = 8 * 1024;

/// Longest value of an ordinary field (P§3.2, the stricter of two statements: what passes here passes there).
const MAX_VALUE_BYTES: usize = 4 * 1024;

/// Longest value of `policy`, `callback` and the security token, which the documentation lets grow beyond the rest: a
/// callback may have 5 KB (P§1.4), and a policy that pins it is Base64 of Base64.
const MAX_LONG_VALUE_BYTES: usize = 20 * 1024;

/// All fields before the file together.
const MAX_FIELDS_BYTES: usize = 2 * 1024 * 1024;

/// What came before the file, and the file, not read yet.
pub(in crate::simulator) struct PostForm {
    pub(in crate::simulator) fields: Vec<(String, String)>,
    pub(in crate::simulator) file: Field,
    pub(in crate::simulator) file_name: Option<String>,
    pub(in crate::simulator) file_content_type: Option<String>,
}

impl PostForm {
    /// Reads up to the `file` part.
    pub(in crate::simulator) async fn read(multipart: &mut Multipart, body: &Body) -> Result<Self, OssError> {
        let mut fields = Vec::new();
        let mut total = 0;
        while let Some(part) = UntilEnd::new(multipart, body).next().await {
            let mut part = part.map_err(|error| malformed(&error))?;
            let name = part.name().unwrap_or_default().to_owned();
            if name.len() > MAX_NAME_BYTES {
                let shown = &name[..name.floor_char_boundary(64)];
                let message = "Your name of form field is too long.";
                return Err(OssError::bad_request("FieldItemTooLong", message).detail("FieldName", shown));
            }
            if name.eq_ignore_ascii_case("file") {
                return Ok(Self::at_file(fields, part));
            }
            let value = read_value(&name, &mut part, body).await?;
            total += name.len() + value.len();
            if total > MAX_FIELDS_BYTES {
                return Err(OssError::bad_request(
                    "MaxPOSTPreDataLengthExceededError",
                    "Your POST request fields preceding the upload file were too large.",
                ));
            }
            fields.push((name, value));
        }
        // Only of none: what follows a file is passed by (P§3.1), a second file too.
        let message = "POST requires exactly one file upload per request.";
        Err(OssError::bad_request("IncorrectNumberOfFilesInPOSTRequest", message))
    }

    fn at_file(fields: Vec<(String, String)>, file: Field) -> Self {
        let file_name = file.content_disposition().and_then(|d| d.get_filename()).map(str::to_owned);
        let content_type = file.headers().get(header::CONTENT_TYPE);
        let file_content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
        Self { fields, file, file_name, file_content_type }
    }

    /// The first field of that name, in any case; the policy judges the same one.
    pub(in crate::simulator) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The object's content type: `x-oss-content-type`, else the file part's, else `Content-Type` (P§3.2).
    pub(in crate::simulator) fn content_type(&self) -> Option<&str> {
        self.get("x-oss-content-type").or(self.file_content_type.as_deref()).or_else(|| self.get("content-type"))
    }

    /// What the policy is evaluated against.
    pub(in crate::simulator) fn facts(&self, bucket: &str) -> PostFormFacts {
        PostFormFacts {
            bucket: bucket.to_owned(),
            fields: self.fields.clone(),
            file_content_type: self.file_content_type.clone(),
        }
    }

    /// The custom variables: every field `x:…`, of a repeated name (in any case) the first, which the policy judges.
    pub(in crate::simulator) fn variables(&self) -> Vec<(String, String)> {
        let is_first = |index: usize, name: &str| {
            self.fields[..index].iter().all(|(earlier, _)| !earlier.eq_ignore_ascii_case(name))
        };
        let variables = self.fields.iter().enumerate().filter(|(_, (name, _))| name.starts_with("x:"));
        variables.filter(|(index, (name, _))| is_first(*index, name)).map(|(_, field)| field.clone()).collect()
    }
}

async fn read_value(name: &str, part: &mut Field, body: &Body) -> Result<String, OssError> {
    let long = ["policy", "callback", "x-oss-security-token"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let limit = if long { MAX_LONG_VALUE_BYTES } else { MAX_VALUE_BYTES };
    let mut value = Vec::new();
    let mut part = UntilEnd::new(part, body);
    while let Some(chunk) = part.next().await {
        value.extend_from_slice(&chunk.map_err(|error| malformed(&error))?);
        if value.len() > limit {
            return Err(field_too_long(name));
        }
    }
    String::from_utf8(value)
        .map_err(|_| OssError::invalid_argument("The form field is not encoded in UTF-8.", name, ""))
}

/// What the multipart parser gives, or `Incomplete` once the body has ended and the parser still waits: it does so for
/// ever where a body breaks off behind a carriage return (actix-multipart 0.7), and the sender would wait with it.
pub(in crate::simulator) struct UntilEnd<'a, S> {
    stream: &'a mut S,
    body: Body,
}

impl<'a, S> UntilEnd<'a, S> {
    pub(in crate::simulator) fn new(stream: &'a mut S, body: &Body) -> Self {
        Self { stream, body: body.clone() }
    }
}

impl<S: Stream<Item = Result<T, MultipartError>> + Unpin, T> Stream for UntilEnd<'_, S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.stream.poll_next_unpin(context) {
            Poll::Pending if self.body.has_ended() => Poll::Ready(Some(Err(MultipartError::Incomplete))),
            polled => polled,
        }
    }
}

fn field_too_long(name: &str) -> OssError {
    OssError::bad_request("FieldItemTooLong", "Your field item in the form is too long.").detail("FieldName", name)
}

/// What the multipart parser refuses.
pub(in crate::simulator) fn malformed(error: &MultipartError) -> OssError {
    match error {
        MultipartError::Payload(_) => OssError::incomplete_body(),
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible => OssError::not_multipart(),
        _ => OssError::bad_request(
            "MalformedPOSTRequest",
            "The body of your POST request is not well-formed multipart/form-data.",
        ),
    }
}
