//! What a bucket is, as `GetBucketInfo`, `GetBucketLocation` and `GetBucketVersioning` tell it.

use super::Element;

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versioning {
    /// Never switched on; OSS leaves the element out.
    #[default]
    Unversioned,
    /// Every write makes a version.
    Enabled,
    /// Every write replaces the version `null`.
    Suspended,
}

impl Versioning {
    /// Of a `VersioningConfiguration`; `None` for another document.
    pub fn read(root: &Element) -> Option<Self> {
        if root.name == "VersioningConfiguration" { Self::of(root.child_text("Status")) } else { None }
    }

    /// On or suspended: `x-oss-forbid-overwrite` has no effect (P§3.2).
    pub fn knows_versions(self) -> bool {
        self != Self::Unversioned
    }

    fn of(status: Option<&str>) -> Option<Self> {
        match status.map(str::trim) {
            None | Some("") => Some(Self::Unversioned),
            Some("Enabled") => Some(Self::Enabled),
            Some("Suspended") => Some(Self::Suspended),
            Some(_) => None,
        }
    }
}

/// What matters of `BucketInfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketInfo {
    /// `oss-cn-hangzhou`.
    pub location: String,
    /// `private`, `public-read`, `public-read-write`.
    pub acl: Option<String>,
    /// Versions, where the document tells a status that is known.
    pub versioning: Option<Versioning>,
    /// Whether the accelerate hosts serve the bucket; not always told.
    pub transfer_acceleration: Option<bool>,
}

impl BucketInfo {
    /// Of a `BucketInfo`; `None` for another document.
    pub fn read(root: &Element) -> Option<Self> {
        let bucket = if root.name == "BucketInfo" { root.child("Bucket")? } else { return None };
        let text = |name: &str| bucket.child_text(name).map(|text| text.trim().to_owned());
        let grant = bucket.child("AccessControlList").and_then(|list| list.child_text("Grant"));
        Some(Self {
            location: text("Location")?,
            acl: grant.map(|acl| acl.trim().to_owned()),
            versioning: Versioning::of(bucket.child_text("Versioning")),
            transfer_acceleration: text("TransferAcceleration").map(|said| said == "Enabled"),
        })
    }
}

/// The text of a `LocationConstraint`, `oss-cn-hangzhou`; `None` for another document.
pub fn read_location(root: &Element) -> Option<String> {
    (root.name == "LocationConstraint").then(|| root.text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Element {
        Element::parse(xml).unwrap()
    }

    #[test]
    fn what_a_bucket_is_is_read() {
        let info = BucketInfo::read(&read(
            "<BucketInfo><Bucket><CreationDate>2013-07-31T10:56:21.000Z</CreationDate><Location>oss-cn-hangzhou</Location><Versioning>Suspended</Versioning>\
             <TransferAcceleration>Disabled</TransferAcceleration><Name>b</Name><AccessControlList><Grant>private</Grant></AccessControlList></Bucket></BucketInfo>",
        ));
        let expected = BucketInfo {
            location: "oss-cn-hangzhou".to_owned(),
            acl: Some("private".to_owned()),
            versioning: Some(Versioning::Suspended),
            transfer_acceleration: Some(false),
        };
        assert_eq!(info, Some(expected));
        let bare = BucketInfo::read(&read("<BucketInfo><Bucket><Location>oss-x</Location></Bucket></BucketInfo>"));
        let told = bare.map(|info| (info.versioning, info.acl, info.transfer_acceleration));
        assert_eq!(told, Some((Some(Versioning::Unversioned), None, None)));
        assert_eq!(BucketInfo::read(&read("<Bucket><Location>x</Location></Bucket>")), None);
    }

    #[test]
    fn a_status_that_nobody_knows_is_no_status() {
        let status = |status: &str| {
            Versioning::read(&read(&format!("<VersioningConfiguration>{status}</VersioningConfiguration>")))
        };
        assert_eq!(status(""), Some(Versioning::Unversioned));
        assert_eq!(status("<Status>Enabled</Status>"), Some(Versioning::Enabled));
        assert_eq!(status("<Status>Perhaps</Status>"), None);
        assert_eq!(Versioning::read(&read("<Error/>")), None);
    }

    #[test]
    fn a_location_stands_alone() {
        let xml = "<LocationConstraint xmlns=\"http://doc.oss-cn-hangzhou.aliyuncs.com\">oss-cn-hangzhou</LocationConstraint>";
        assert_eq!(read_location(&read(xml)).as_deref(), Some("oss-cn-hangzhou"));
        assert_eq!(read_location(&read("<Error/>")), None);
    }
}
