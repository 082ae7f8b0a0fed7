//! A bucket's lifecycle rules, as GetBucketLifecycle tells them: what matters of them here.

use super::Element;

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Unique within the bucket.
    pub id: String,
    /// The keys it is about; empty for all.
    pub prefix: String,
    /// `Enabled`, not `Disabled`.
    pub enabled: bool,
    /// Days after which a multipart upload that was not completed is aborted. A rule with a fixed date is not meant: it acts once.
    pub abort_multipart_upload_days: Option<u32>,
}

impl LifecycleRule {
    /// The rules of a `LifecycleConfiguration`; `None` for another document.
    pub fn read_all(root: &Element) -> Option<Vec<Self>> {
        (root.name == "LifecycleConfiguration").then(|| root.children_named("Rule").map(Self::read).collect())
    }

    fn read(rule: &Element) -> Self {
        let text = |name: &str| rule.child_text(name).unwrap_or_default().trim().to_owned();
        let abort = rule.child("AbortMultipartUpload");
        Self {
            id: text("ID"),
            prefix: text("Prefix"),
            enabled: text("Status") == "Enabled",
            abort_multipart_upload_days: abort.and_then(|abort| abort.child_text("Days")?.trim().parse().ok()),
        }
    }

    /// After how many days it aborts uploads of a key, if it does.
    pub fn aborts_after(&self, key: &str) -> Option<u32> {
        self.abort_multipart_upload_days.filter(|_| self.enabled && key.starts_with(&self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_enabled_rule_with_days_aborts_the_uploads_below_its_prefix() {
        let xml = "<LifecycleConfiguration>\
            <Rule><ID>a</ID><Prefix>logs/</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
            <Rule><ID>b</ID><Prefix>videos/</Prefix><Status>Enabled</Status><AbortMultipartUpload><Days>7</Days></AbortMultipartUpload></Rule>\
            <Rule><ID>c</ID><Prefix></Prefix><Status>Disabled</Status><AbortMultipartUpload><Days>3</Days></AbortMultipartUpload></Rule>\
            <Rule><ID>d</ID><Prefix/><Status>Enabled</Status><AbortMultipartUpload><CreatedBeforeDate>2026-01-01T00:00:00.000Z</CreatedBeforeDate></AbortMultipartUpload></Rule>\
            </LifecycleConfiguration>";
        let rules = LifecycleRule::read_all(&Element::parse(xml).unwrap()).unwrap();
        let after = |key: &str| rules.iter().filter_map(|rule| rule.aborts_after(key)).collect::<Vec<_>>();
        assert_eq!(after("videos/u/1.mp4"), [7]);
        assert_eq!(after("logs/1"), [] as [u32; 0]);
        assert_eq!(rules.len(), 4);
        assert_eq!(LifecycleRule::read_all(&Element::parse("<X/>").unwrap()), None);
    }
}
