//! Listing objects (ListObjectsV2), as the confirming credential: what nobody told us about is found here.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    OssClient,
    answers::{Answer, unavailable},
};
use crate::{
    app::ports::{ListedObject, ObjectPage, ObjectStoreError},
    oss::{encoding::decode_path, presign::list_objects, xml::Element},
};

/// Nobody waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

impl OssClient {
    pub(super) async fn list_page(
        &self,
        prefix: &str,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<ObjectPage, ObjectStoreError> {
        let request = list_objects(&self.bucket.bucket, prefix, token);
        let root = Answer::read("ListObjectsV2", self.ask(request, TIMEOUT, now).await?).await?.document()?;
        let mut page = ObjectPage::default();
        for listed in root.children_named("Contents") {
            let object = read_object(listed).filter(|object| object.key.starts_with(prefix));
            page.objects.push(object.ok_or_else(|| unavailable("OSS listed an object that can't be read"))?);
        }
        if root.child_text("IsTruncated") == Some("true") {
            let next = root.child_text("NextContinuationToken").filter(|next| !next.is_empty());
            page.next = Some(next.ok_or_else(|| unavailable("the list of objects can't be continued"))?.to_owned());
        }
        Ok(page)
    }
}

fn read_object(listed: &Element) -> Option<ListedObject> {
    let text = |name: &str| listed.child_text(name).map(str::trim);
    Some(ListedObject {
        key: decode_path(listed.child_text("Key")?)?,
        size: text("Size")?.parse().ok()?,
        etag: text("ETag")?.trim_matches('"').to_owned(),
        object_type: text("Type")?.to_owned(),
    })
}
