//! Where a copy comes from: `x-oss-copy-source`, its conditions, and who may read it.

use std::sync::Arc;

use crate::{
    oss::encoding::decode_path,
    simulator::{
        access::{authorise::Caller, permissions::Resource},
        errors::OssError,
        operations::{
            conditions::{self, Outcome},
            reading::{find_record, is_public, permit_read},
            symlink::etag_of_link,
        },
        request::{Incoming, check_key},
        server::Oss,
        settings::BucketSpec,
        storage::record::{Kind, Record},
    },
};

const HEADER: &str = "x-oss-copy-source";

/// The source, found, readable, and as the conditions want it.
pub(in crate::simulator) struct CopySource {
    pub(in crate::simulator) bucket: Arc<BucketSpec>,
    pub(in crate::simulator) key: String,
    pub(in crate::simulator) record: Record,
    /// The conditions say that nothing need be copied.
    pub(in crate::simulator) not_modified: bool,
}

impl CopySource {
    /// Finds the source of a copy into `target`, which must be in the same region.
    pub(in crate::simulator) async fn find(
        oss: &Oss,
        incoming: &Incoming,
        caller: &Caller,
        target: &BucketSpec,
    ) -> Result<Self, OssError> {
        let given = incoming.header(HEADER).unwrap_or_default();
        let (name, key, version) = parse(given).ok_or_else(|| {
            let message = "Copy Source must mention the source bucket and key: /sourcebucket/sourcekey.";
            OssError::invalid_argument(message, HEADER, given)
        })?;
        check_key(&key)?;
        let bucket = oss.buckets.get(&name).ok_or_else(|| OssError::no_such_bucket(&name))?;
        if bucket.region != target.region {
            let message = "Target object does not reside in the same data center as source object.";
            return Err(OssError::access_denied(message));
        }
        let there = oss.objects.find(&name, &key, version.as_deref()).await?;
        let resource = Resource { bucket: &name, key: &key };
        permit_read(Some(caller), resource, version.as_deref(), is_public(there.as_ref(), &bucket))?;
        let record = find_record(oss, incoming, &bucket, &key, version.as_deref())
            .await
            // A delete marker is a missing object, also when its version is named.
            .map_err(|error| if error.code == "MethodNotAllowed" { OssError::no_such_key(&key) } else { error })?;
        let etag = match &record.kind {
            Kind::Normal(content) => content.etag.clone(),
            Kind::Symlink { target } => etag_of_link(target),
            Kind::DeleteMarker => return Err(OssError::no_such_key(&key)),
        };
        let outcome = conditions::judge(incoming, "x-oss-copy-source-", &etag, record.last_modified)?;
        if record.attributes.storage_class.unwrap_or(bucket.storage_class).is_archived() {
            return Err(OssError::invalid_object_state(&key));
        }
        Ok(Self { bucket, key, record, not_modified: outcome == Outcome::NotModified })
    }
}

/// `/bucket/key?versionId=…`, percent-encoded; the slash in front may be missing.
fn parse(given: &str) -> Option<(String, String, Option<String>)> {
    let (path, version) = match given.split_once("?versionId=") {
        Some((path, version)) => (path, Some(decode_path(version)?)),
        None => (given, None),
    };
    let path = decode_path(path)?;
    let (bucket, key) = path.strip_prefix('/').unwrap_or(&path).split_once('/')?;
    let complete = !bucket.is_empty() && !key.is_empty() && version.as_deref() != Some("");
    complete.then(|| (bucket.to_owned(), key.to_owned(), version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_bucket_key_and_perhaps_a_version() {
        let parsed = |given| parse(given).map(|(bucket, key, version)| format!("{bucket} {key} {version:?}"));
        let cases = [
            ("/b/k", Some("b k None")),
            ("b/k", Some("b k None")),
            ("/b/a%2Fb%20c+d%3FversionId=1", Some("b a/b c+d?versionId=1 None")),
            ("/b/%E4%B8%AD?versionId=CAE%3D", Some("b 中 Some(\"CAE=\")")),
            ("/b/", None),
            ("/b", None),
            ("//k", None),
            ("/b/%FF", None),
            ("/b/k?versionId=", None),
            ("", None),
        ];
        for (given, expected) in cases {
            assert_eq!(parsed(given).as_deref(), expected, "{given}");
        }
    }
}
