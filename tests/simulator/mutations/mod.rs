//! Whoever changes a signed thing is refused.
//!
//! For every way of proving who sent a request there are valid ones, shown to be accepted; then one thing at a time is
//! changed on the wire, by one byte where that is possible. Each change names the refusal that OSS has for it. What may
//! be changed because nobody signs it is a table of its own, with the reason.

mod accepted;
mod authentication;
mod bed;
mod form;
mod form_changes;
mod request;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    bed::{Bed, KEY, Operation, Way, keys},
    wire::Wire,
};
use crate::harness::{BUCKET, header};

/// One change of one request.
struct Case {
    /// What kind of thing was changed: `header x-oss-callback`, `key`.
    kind: String,
    /// How.
    change: &'static str,
    wire: Wire,
    /// Status and code.
    expected: &'static str,
}

impl Case {
    fn new(kind: impl Into<String>, change: &'static str, wire: Wire, expected: &'static str) -> Self {
        Self { kind: kind.into(), change, wire, expected }
    }
}

const MISMATCH: &str = "403 SignatureDoesNotMatch";
const NO_SUCH_ID: &str = "403 InvalidAccessKeyId";
const NO_SUCH_TOKEN: &str = "403 InvalidSecurityToken";
const DENIED: &str = "403 AccessDenied";
const ARGUMENT: &str = "400 InvalidArgument";
const SKEWED: &str = "403 RequestTimeTooSkewed";
/// OSS does not know the method at all.
const NO_METHOD: &str = "405 MethodNotAllowed";
const NO_BUCKET: &str = "404 NoSuchBucket";
const NO_BUCKET_NAME: &str = "400 InvalidBucketName";
/// A token in a header under a signature in the URL (V1).
const MISPLACED_TOKEN: &str = "400 InvalidRequest";

/// The EC of a code that has but one, where it is known.
fn ec_of(expected: &str) -> Option<&'static str> {
    match expected {
        MISMATCH => Some("0002-00000040"),
        NO_SUCH_ID => Some("0002-00000902"),
        SKEWED => Some("0002-00000504"),
        _ => None,
    }
}

/// Counts what was refused, by kind, and notes with which codes.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<String, usize>,
    codes: BTreeSet<&'static str>,
    failures: Vec<String>,
}

impl Tally {
    /// Sends every case; each must be refused as it says, and change nothing.
    async fn refuse_all(&mut self, bed: &Bed, base: &Wire, what: &str, cases: Vec<Case>) {
        let before = bed.stored();
        for Case { kind, change, wire, expected } in cases {
            assert_ne!(&wire, base, "{what}: {kind}, {change} is no change");
            let (refusal, ec) = wire.send(&bed.authority).await.summary();
            let ec_fits = ec_of(expected).is_none_or(|known| ec.as_deref() == Some(known));
            if refusal != expected || !ec_fits {
                self.failures.push(format!("{what}: {kind}, {change}: {refusal} {ec:?}, not {expected}"));
            }
            if bed.stored() != before {
                self.failures.push(format!("{what}: {kind}, {change}: something was stored"));
                return;
            }
            *self.kinds.entry(kind).or_default() += 1;
            self.codes.insert(expected);
        }
    }

    /// Nothing was accepted; every kind of thing was changed, and at least so many changes were made.
    fn finish(self, at_least: usize, kinds: &[&str]) {
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        let count: usize = self.kinds.values().sum();
        let missing: Vec<_> = kinds.iter().filter(|kind| !self.kinds.contains_key(**kind)).collect();
        assert!(missing.is_empty(), "never changed: {missing:?}");
        assert!(count >= at_least, "{count} changes of {} kinds, refused with {:?}", self.kinds.len(), self.codes);
    }
}

/// Accepted as it is, refused with anything changed, and still accepted afterwards.
async fn change_every_part_of(operation: Operation, bed: &Bed, tally: &mut Tally) {
    for key in keys() {
        for way in Way::ALL {
            let what = format!("{operation:?} {way:?} {}", key.id());
            let first = bed.request(operation, way, &key).await.send(&bed.authority).await;
            assert!(first.is_success(), "{what} untouched: {first:?}");
            let base = bed.request(operation, way, &key).await;
            let mut cases = request::changes(operation, way, &base);
            cases.extend(authentication::changes(way, &key, &base));
            tally.refuse_all(bed, &base, &what, cases).await;
            let after = base.send(&bed.authority).await;
            if !after.is_success() {
                tally.failures.push(format!("{what} after all the others: {after:?}"));
            }
        }
    }
}

#[tokio::test]
async fn a_request_with_anything_changed_is_refused() {
    let bed = Bed::new().await;
    let mut tally = Tally::default();
    for operation in Operation::ALL {
        change_every_part_of(operation, &bed, &mut tally).await;
    }
    tally.finish(5000, &REQUEST_KINDS);
}

#[tokio::test]
async fn a_form_with_anything_changed_is_refused() {
    let bed = Bed::new().await;
    let mut tally = Tally::default();
    for way in form::FormWay::ALL {
        for key in keys() {
            for typed in form::Typed::ALL {
                let what = format!("{way:?} {} {typed:?}", key.id());
                let base = form::Form::signed(&bed, way, &key, typed);
                let first = base.wire().send(&bed.authority).await;
                assert!(first.is_success(), "{what} untouched: {first:?}");
                tally.refuse_all(&bed, &base.wire(), &what, form_changes::changes(&base)).await;
                let after = base.wire().send(&bed.authority).await;
                assert!(after.is_success(), "{what} after all the others: {after:?}");
            }
        }
    }
    tally.finish(1000, &form_changes::KINDS);
}

#[tokio::test]
async fn what_nobody_signs_may_be_changed() {
    let bed = Bed::new().await;
    for accepted in accepted::requests(&bed).await.into_iter().chain(accepted::forms(&bed)) {
        let answer = accepted.wire.send(&bed.authority).await;
        assert!(answer.is_success(), "{} ({}): {answer:?}", accepted.change, accepted.reason);
    }
    // Whatever else was sent along, in a second field or behind the file, counted for nothing.
    assert_eq!(bed.world.keys(BUCKET).await, [KEY]);
    assert_eq!(header(&bed.world.head(KEY).await, "x-oss-meta-a").as_deref(), Some("one"));
}

/// Every kind of thing that a request in header or query signs.
const REQUEST_KINDS: [&str; 77] = [
    "method",
    "bucket",
    "key",
    "key case",
    "query uploads",
    "query uploadId",
    "query partNumber",
    "query symlink",
    "query versionId",
    "query callback",
    "query callback-var",
    "query response-content-type",
    "query response-content-language",
    "query response-expires",
    "query response-cache-control",
    "query response-content-disposition",
    "query response-content-encoding",
    "query append",
    "query position",
    "query acl",
    "query tagging",
    "query objectMeta",
    "query x-oss-process",
    "query x-oss-traffic-limit",
    "query of no meaning",
    "query order",
    "query not UTF-8",
    "header content-type",
    "header content-md5",
    "header x-oss-callback",
    "header x-oss-callback-var",
    "header x-oss-forbid-overwrite",
    "header x-oss-meta-a",
    "header x-oss-object-acl",
    "header x-oss-storage-class",
    "header x-oss-server-side-encryption",
    "header x-oss-symlink-target",
    "header x-oss-complete-all",
    "header x-oss-tagging",
    "header x-oss-copy-source",
    "header x-oss-meta-b",
    "header not UTF-8",
    "header joined",
    "date",
    "header x-oss-content-sha256",
    "header x-oss-date",
    "authorization",
    "scheme",
    "access key id",
    "another's access key id",
    "scope date",
    "scope region",
    "scope product",
    "scope terminator",
    "scope parts",
    "signature first byte",
    "signature last byte",
    "signature case",
    "signature truncated",
    "signature padded",
    "signature empty",
    "signature of another request",
    "signature twice",
    "signed in two places",
    "token",
    "token missing",
    "token twice",
    "token where none belongs",
    "expires",
    "expires spelling",
    "expired",
    "additional header list",
    "additional header value",
    "additional header missing",
    "additional header twice",
    "additional header not listed",
    "host",
];
