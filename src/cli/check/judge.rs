//! What a bucket's answers mean, as pure rules: given facts, findings.

use chrono::TimeDelta;

use super::{
    cors::judge_cors,
    finding::{
        Judged,
        Level::{self, Fault, Ok, Unknown, Warning},
    },
    refusals::judge_refusal,
};
use crate::{
    grant::profile::{Method, Profile},
    oss::{
        endpoint_host::{HostKind, region_of_location},
        xml::{BucketInfo, CorsRule, LifecycleRule, Versioning},
    },
    oss_client::inspect::{Asked, Refusal},
    settings::BucketSettings,
};

/// Beyond this the service says that it is not ready.
const MAX_CLOCK_OFFSET: TimeDelta = TimeDelta::seconds(60);
/// Within this nobody need look.
const GOOD_CLOCK_OFFSET: TimeDelta = TimeDelta::seconds(5);

/// A bucket as it is configured.
pub(super) struct Subject<'a> {
    pub(super) bucket: &'a BucketSettings,
    /// Those of this bucket.
    pub(super) profiles: &'a [&'a Profile],
    /// `server.cors_origins`.
    pub(super) origins: &'a [String],
}

/// What it answered. What is missing was not asked.
#[derive(Default)]
pub(super) struct BucketFacts {
    /// One per profile, up to the first that nobody answered.
    pub(super) probes: Vec<Probe>,
    /// HEAD by the endpoint that clients get, where it is another than ours.
    pub(super) clients: Option<Asked<()>>,
    /// How far OSS's clock is ahead of ours.
    pub(super) clock_offset: Option<TimeDelta>,
    pub(super) rules: Option<Rules>,
}

/// What was answered about a key that nobody has.
pub(super) struct Probe {
    pub(super) profile: String,
    pub(super) key: String,
    pub(super) head: Asked<()>,
    pub(super) acl: Option<Asked<()>>,
}

/// What the bucket is set to.
pub(super) struct Rules {
    pub(super) info: Asked<BucketInfo>,
    /// Asked where `info` was not told.
    pub(super) location: Option<Asked<String>>,
    pub(super) cors: Asked<Vec<CorsRule>>,
    pub(super) versioning: Asked<Versioning>,
    pub(super) lifecycle: Asked<Vec<LifecycleRule>>,
}

/// All findings about a bucket, each once.
pub(super) fn judge(subject: &Subject<'_>, facts: &BucketFacts) -> Vec<Judged> {
    let mut judging = Judging { subject, found: Vec::new() };
    if subject.profiles.is_empty() {
        judging.say(Unknown, "bucket", "bucket", "no profile uses it: nothing was asked");
    }
    judging.clock(facts.clock_offset);
    for probe in &facts.probes {
        judging.head(probe);
        judging.acl(probe);
    }
    judging.clients(facts.clients.as_ref());
    if let Some(rules) = &facts.rules {
        judging.region(rules);
        judging.cors(&rules.cors);
        judging.versioning(rules);
        judging.lifecycle(&rules.lifecycle);
    }
    judging.found
}

struct Judging<'a> {
    subject: &'a Subject<'a>,
    found: Vec<Judged>,
}

impl Judging<'_> {
    /// About `buckets.NAME.inner`.
    fn say(&mut self, level: Level, check: &'static str, inner: &str, message: impl Into<String>) {
        let key = format!("buckets.{}.{inner}", self.subject.bucket.name);
        self.push(Judged::new(level, check, key, message));
    }

    /// What is found a second time, say by another question, is told once.
    fn push(&mut self, judged: Judged) {
        let same =
            |known: &Judged| known.level == judged.level && known.key == judged.key && known.message == judged.message;
        if !self.found.iter().any(same) {
            self.found.push(judged);
        }
    }

    fn refused(&mut self, check: &'static str, refusal: &Refusal, credentials: &str) {
        let bucket = self.subject.bucket;
        self.push(judge_refusal(check, refusal, bucket, bucket.service_key(), credentials));
    }

    /// What could not be asked, for want of an answer, a credential or the permission.
    fn not_told<T>(&mut self, check: &'static str, asked: &Asked<T>, permission: &str) {
        match asked {
            Asked::Refused(refusal) if refusal.code == "AccessDenied" => {
                let message = format!("not checked: no credential of the bucket has {permission}");
                self.say(Unknown, check, "bucket", message);
            }
            Asked::Refused(refusal) => self.refused(check, refusal, &self.subject.bucket.confirm_credentials),
            Asked::Silent(reason) | Asked::NoCredential(reason) => {
                self.say(Unknown, check, "bucket", format!("not checked: {reason}"));
            }
            Asked::Told(_) => {}
        }
    }

    fn clock(&mut self, offset: Option<TimeDelta>) {
        let Some(offset) = offset else { return };
        let seconds = offset.num_seconds();
        let (level, message) = match offset.abs() {
            off if off > MAX_CLOCK_OFFSET => (
                Fault,
                format!(
                    "OSS's clock is {seconds} s ahead of this machine's: the service is not ready beyond 60 s, and OSS refuses beyond 15 min"
                ),
            ),
            off if off > GOOD_CLOCK_OFFSET => (Warning, format!("OSS's clock is {seconds} s ahead of this machine's")),
            _ => (Ok, format!("OSS's clock is {seconds} s ahead of this machine's")),
        };
        self.push(Judged::new(level, "clock", "", message));
    }

    fn head(&mut self, probe: &Probe) {
        const CHECK: &str = "head";
        let bucket = self.subject.bucket;
        match &probe.head {
            Asked::Refused(refusal) if refusal.code == "NoSuchKey" => {
                let message = format!("objects of profile `{}` can be confirmed", probe.profile);
                self.say(Ok, CHECK, "confirm_credentials", message);
            }
            Asked::Refused(refusal) if refusal.code == "AccessDenied" && refusal.endpoint.is_none() => {
                let message = format!(
                    "lacks oss:GetObject for profile `{}`: HEAD of `{}` was refused (request {})",
                    probe.profile, probe.key, refusal.request_id
                );
                self.say(Fault, CHECK, "confirm_credentials", message);
            }
            Asked::Refused(refusal) => self.refused(CHECK, refusal, &bucket.confirm_credentials),
            Asked::Told(()) => {
                let message = "there is an object at a random key: what answers is not a bucket of OSS's";
                self.say(Fault, CHECK, bucket.service_key(), message);
            }
            Asked::Silent(reason) => {
                self.say(Fault, CHECK, bucket.service_key(), format!("nothing else was asked: {reason}"));
            }
            Asked::NoCredential(reason) => {
                self.say(Fault, CHECK, "confirm_credentials", format!("nothing else was asked: {reason}"));
            }
        }
    }

    /// A form may carry `x-oss-object-acl` beside what its policy pins: only the lack of the right closes that (P§3.4).
    fn acl(&mut self, probe: &Probe) {
        const CHECK: &str = "object_acl";
        let Some(acl) = &probe.acl else { return };
        let profile = self.subject.profiles.iter().find(|profile| profile.name == probe.profile);
        let sends = profile.is_some_and(|profile| profile.object_acl.is_some());
        let name = &probe.profile;
        match (acl, sends) {
            (Asked::Refused(refusal), false) if refusal.code == "AccessDenied" => {
                self.say(Ok, CHECK, "credentials", format!("may not set ACLs of profile `{name}`'s objects"));
            }
            (Asked::Refused(refusal), true) if refusal.code == "AccessDenied" => {
                let message = format!("lacks oss:PutObjectAcl, but profile `{name}` sends object_acl");
                self.say(Fault, CHECK, "credentials", message);
            }
            (Asked::Told(()), false) => self.may_set_acls(name),
            (Asked::Refused(refusal), false) if refusal.code == "NoSuchKey" => self.may_set_acls(name),
            (Asked::Told(()), true) => self.say(Ok, CHECK, "credentials", format!("may set `{name}`'s object_acl")),
            (Asked::Refused(refusal), true) if refusal.code == "NoSuchKey" => {
                self.say(Ok, CHECK, "credentials", format!("may set `{name}`'s object_acl"));
            }
            (Asked::Refused(refusal), _) => self.refused(CHECK, refusal, &self.subject.bucket.credentials),
            (Asked::Silent(reason), _) => {
                self.say(Unknown, CHECK, "credentials", format!("not checked: {reason}"));
            }
            (Asked::NoCredential(reason), _) => {
                self.say(Fault, CHECK, "credentials", format!("grants can't be signed: {reason}"));
            }
        }
    }

    fn may_set_acls(&mut self, profile: &str) {
        let message = format!(
            "has oss:PutObjectAcl: whoever holds a form of profile `{profile}` can make its object public; deny it in RAM"
        );
        self.say(Warning, "object_acl", "credentials", message);
    }

    /// OSS's refusal of a HEAD for want of the right was told already; here the way counts.
    fn clients(&mut self, asked: Option<&Asked<()>>) {
        const CHECK: &str = "client_endpoint";
        let bucket = self.subject.bucket;
        let key = bucket.client_key();
        match asked {
            None => {}
            Some(Asked::Refused(refusal))
                if refusal.endpoint.is_none() && ["NoSuchKey", "AccessDenied"].contains(&refusal.code.as_str()) =>
            {
                self.say(Ok, CHECK, key, "OSS answers there, for this bucket");
            }
            Some(Asked::Refused(refusal)) if refusal.code == "NoSuchBucket" => {
                let message =
                    format!("OSS answers there, but not for bucket `{}`: is the domain bound to it?", bucket.bucket);
                self.say(Fault, CHECK, key, message);
            }
            Some(Asked::Refused(refusal)) => {
                self.push(judge_refusal(CHECK, refusal, bucket, key, &bucket.confirm_credentials));
            }
            Some(Asked::Told(())) => {
                self.say(
                    Fault,
                    CHECK,
                    key,
                    "there is an object at a random key: what answers is not a bucket of OSS's",
                );
            }
            Some(Asked::Silent(reason) | Asked::NoCredential(reason)) => {
                self.say(Unknown, CHECK, key, format!("clients' way can't be tried from here: {reason}"));
            }
        }
    }

    fn region(&mut self, rules: &Rules) {
        const CHECK: &str = "region";
        let bucket = self.subject.bucket;
        let location = match (&rules.info, &rules.location) {
            (Asked::Told(info), _) => &info.location,
            (_, Some(Asked::Told(location))) => location,
            (info, _) => return self.not_told(CHECK, info, "oss:GetBucketInfo or oss:GetBucketLocation"),
        };
        let region = region_of_location(location);
        if region == bucket.region {
            self.say(Ok, CHECK, "region", format!("the bucket is there, in `{region}`"));
        } else {
            let message = format!("the bucket is in `{region}`, not in `{}`", bucket.region);
            self.say(Fault, CHECK, "region", message);
        }
        let Asked::Told(info) = &rules.info else { return };
        if info.acl.as_deref() == Some("public-read-write") {
            self.say(Warning, "bucket_acl", "bucket", "its ACL is public-read-write: anybody uploads without a grant");
        }
        let accelerates = HostKind::of(bucket.endpoint.hostname()) == HostKind::Accelerate;
        if accelerates && info.transfer_acceleration == Some(false) {
            self.say(Fault, CHECK, "endpoint", "transfer acceleration is not switched on for the bucket");
        }
    }

    fn cors(&mut self, asked: &Asked<Vec<CorsRule>>) {
        const CHECK: &str = "cors";
        let Subject { bucket, profiles, origins } = self.subject;
        if profiles.is_empty() || origins.is_empty() {
            return self.say(Ok, CHECK, "bucket", "not needed: server.cors_origins names no page");
        }
        match asked {
            Asked::Told(rules) => {
                let found = judge_cors(rules, profiles, origins);
                if found.is_empty() {
                    self.say(Ok, CHECK, "bucket", "pages of server.cors_origins may upload, and read what is answered");
                }
                for (level, message) in found {
                    self.say(level, CHECK, "bucket", message);
                }
            }
            Asked::Refused(refusal) if refusal.code == "NoSuchCORSConfiguration" => {
                let message = format!("bucket `{}` has no CORS rules: no page can upload", bucket.bucket);
                self.say(Fault, CHECK, "bucket", message);
            }
            asked => self.not_told(CHECK, asked, "oss:GetBucketCors"),
        }
    }

    fn versioning(&mut self, rules: &Rules) {
        const CHECK: &str = "versioning";
        let told = match (&rules.versioning, &rules.info) {
            (Asked::Told(versioning), _) => Some(*versioning),
            (_, Asked::Told(info)) => info.versioning,
            _ => None,
        };
        let Some(versioning) = told else {
            return self.not_told(CHECK, &rules.versioning, "oss:GetBucketVersioning");
        };
        if !versioning.knows_versions() {
            return self.say(Ok, CHECK, "bucket", "without versions: overwrite = false is kept by OSS");
        }
        let promising: Vec<_> = self.subject.profiles.iter().filter(|profile| !profile.overwrite).collect();
        if promising.is_empty() {
            self.say(Ok, CHECK, "bucket", "with versions, and no profile says overwrite = false");
        }
        for profile in promising {
            let key = format!("profiles.{}.overwrite", profile.name);
            let message = format!(
                "false, but versioning of bucket `{}` is {versioning:?}: OSS ignores x-oss-forbid-overwrite there; \
                 say true, or use a bucket that never had versioning",
                self.subject.bucket.bucket
            );
            self.push(Judged::new(Fault, CHECK, key, message));
        }
    }

    fn lifecycle(&mut self, asked: &Asked<Vec<LifecycleRule>>) {
        const CHECK: &str = "lifecycle";
        let in_parts =
            |profile: &&Profile| profile.methods.iter().any(|method| matches!(method, Method::Multipart | Method::Sts));
        let profiles: Vec<_> = self.subject.profiles.iter().copied().filter(in_parts).collect();
        if profiles.is_empty() {
            return self.say(Ok, CHECK, "bucket", "not needed: no profile uploads in parts");
        }
        let none = Vec::new();
        let rules = match asked {
            Asked::Told(rules) => rules,
            Asked::Refused(refusal) if refusal.code == "NoSuchLifecycle" => &none,
            asked => return self.not_told(CHECK, asked, "oss:GetBucketLifecycle"),
        };
        for profile in profiles {
            let (level, message) = lifecycle_of(profile, rules);
            self.say(level, CHECK, "bucket", message);
        }
    }
}

/// Parts of uploads that nobody completes cost money until a rule aborts them.
fn lifecycle_of(profile: &Profile, rules: &[LifecycleRule]) -> (Level, String) {
    let name = &profile.name;
    let prefix = profile.key.fixed_prefix(name);
    match rules.iter().filter_map(|rule| rule.aborts_after(&prefix)).min() {
        None => (
            Warning,
            format!(
                "no lifecycle rule aborts unfinished multipart uploads below `{prefix}` (profile `{name}`): parts that nobody completes stay, and cost"
            ),
        ),
        Some(days) if TimeDelta::days(days.into()) < profile.expires_in => (
            Warning,
            format!("uploads of profile `{name}` are aborted after {days} days, before its grants end (expires_in)"),
        ),
        Some(days) => (Ok, format!("unfinished uploads of profile `{name}` are aborted after {days} days")),
    }
}
