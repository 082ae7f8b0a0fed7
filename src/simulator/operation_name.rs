//! OSS's own name of what a request asks for: faults and the request log speak of it.

/// What a request addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Service,
    Bucket,
    Object,
}
use Level::{Bucket, Object, Service};

/// Method, level, the query parameter or (`h:`) header that marks it, name; the first that fits.
const OPERATIONS: [(&str, Level, &str, &str); 48] = [
    ("GET", Service, "", "ListBuckets"),
    ("PUT", Bucket, "policy", "PutBucketCallbackPolicy"),
    ("GET", Bucket, "policy", "GetBucketCallbackPolicy"),
    ("DELETE", Bucket, "policy", "DeleteBucketCallbackPolicy"),
    ("POST", Bucket, "delete", "DeleteMultipleObjects"),
    ("POST", Bucket, "", "PostObject"),
    ("GET", Bucket, "bucketInfo", "GetBucketInfo"),
    ("GET", Bucket, "location", "GetBucketLocation"),
    ("GET", Bucket, "cors", "GetBucketCors"),
    ("PUT", Bucket, "cors", "PutBucketCors"),
    ("DELETE", Bucket, "cors", "DeleteBucketCors"),
    ("GET", Bucket, "versioning", "GetBucketVersioning"),
    ("PUT", Bucket, "versioning", "PutBucketVersioning"),
    ("GET", Bucket, "lifecycle", "GetBucketLifecycle"),
    ("PUT", Bucket, "lifecycle", "PutBucketLifecycle"),
    ("DELETE", Bucket, "lifecycle", "DeleteBucketLifecycle"),
    ("GET", Bucket, "acl", "GetBucketAcl"),
    ("GET", Bucket, "stat", "GetBucketStat"),
    ("GET", Bucket, "uploads", "ListMultipartUploads"),
    ("GET", Bucket, "versions", "ListObjectVersions"),
    ("GET", Bucket, "list-type", "ListObjectsV2"),
    ("GET", Bucket, "", "ListObjects"),
    ("PUT", Bucket, "", "PutBucket"),
    ("DELETE", Bucket, "", "DeleteBucket"),
    ("POST", Object, "uploads", "InitiateMultipartUpload"),
    ("POST", Object, "uploadId", "CompleteMultipartUpload"),
    ("POST", Object, "append", "AppendObject"),
    ("POST", Object, "restore", "RestoreObject"),
    ("POST", Object, "x-oss-process", "PostProcess"),
    ("PUT", Object, "uploadId", "UploadPart"),
    ("GET", Object, "uploadId", "ListParts"),
    ("DELETE", Object, "uploadId", "AbortMultipartUpload"),
    ("PUT", Object, "symlink", "PutSymlink"),
    ("GET", Object, "symlink", "GetSymlink"),
    ("PUT", Object, "acl", "PutObjectACL"),
    ("GET", Object, "acl", "GetObjectACL"),
    ("PUT", Object, "tagging", "PutObjectTagging"),
    ("GET", Object, "tagging", "GetObjectTagging"),
    ("DELETE", Object, "tagging", "DeleteObjectTagging"),
    ("PUT", Object, "h:x-oss-copy-source", "CopyObject"),
    ("PUT", Object, "", "PutObject"),
    ("HEAD", Object, "objectMeta", "GetObjectMeta"),
    ("GET", Object, "objectMeta", "GetObjectMeta"),
    ("HEAD", Object, "", "HeadObject"),
    ("GET", Object, "", "GetObject"),
    ("DELETE", Object, "", "DeleteObject"),
    ("OPTIONS", Object, "", "OptionObject"),
    ("OPTIONS", Bucket, "", "OptionObject"),
];

/// The name, or `Unknown`. `has` tells whether a query parameter or (`h:`) a header is there.
pub(super) fn operation_name(
    method: &str,
    has_bucket: bool,
    has_key: bool,
    has: impl Fn(&str) -> bool,
) -> &'static str {
    let level = match (has_bucket, has_key) {
        (false, _) => Service,
        (true, false) => Bucket,
        (true, true) => Object,
    };
    let fits = |(known, at, mark, _): &&(&str, Level, &str, &str)| {
        *known == method && *at == level && (mark.is_empty() || has(mark))
    };
    OPERATIONS.iter().find(fits).map_or("Unknown", |(.., name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_names_that_oss_gives_them() {
        let cases = [
            ("PUT", true, true, vec![], "PutObject"),
            ("PUT", true, true, vec!["partNumber", "uploadId"], "UploadPart"),
            ("PUT", true, true, vec!["h:x-oss-copy-source"], "CopyObject"),
            ("POST", true, true, vec!["uploads"], "InitiateMultipartUpload"),
            ("POST", true, true, vec!["uploadId"], "CompleteMultipartUpload"),
            ("POST", true, false, vec![], "PostObject"),
            ("HEAD", true, true, vec![], "HeadObject"),
            ("PUT", true, false, vec!["policy", "comp"], "PutBucketCallbackPolicy"),
            ("GET", false, false, vec![], "ListBuckets"),
            ("PATCH", true, true, vec![], "Unknown"),
        ];
        for (method, bucket, key, marks, name) in cases {
            assert_eq!(operation_name(method, bucket, key, |mark| marks.contains(&mark)), name, "{method} {marks:?}");
        }
    }
}
