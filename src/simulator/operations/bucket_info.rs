//! What a bucket is: `GET /?bucketInfo`, `?location`, `?acl`, `?stat`.

use actix_web::HttpResponse;

use crate::simulator::{
    access::{authorise::authorise, permissions::Action},
    errors::OssError,
    operations::list_objects::{iso_date, owner},
    request::Incoming,
    server::Oss,
    settings::BucketSpec,
    storage::record::{Kind, Record},
    xml::Xml,
};

/// Region, endpoints, owner, storage class, versioning.
pub(in crate::simulator) fn get_bucket_info(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(Action::GetBucketInfo, incoming.resource())?;
    let location = location(bucket);
    let mut xml = Xml::new("BucketInfo");
    xml.element("Bucket", |xml| {
        xml.text("CreationDate", &iso_date(bucket.created))
            .text("ExtranetEndpoint", &format!("{location}.aliyuncs.com"))
            .text("IntranetEndpoint", &format!("{location}-internal.aliyuncs.com"))
            .text("Location", &location)
            .text("StorageClass", bucket.storage_class.name())
            .text("DataRedundancyType", "LRS")
            .optional("Versioning", bucket.versioning.status())
            .text("Name", &bucket.name);
        owner(xml, bucket);
        grant(xml, bucket.acl.name());
        xml.text("Comment", "");
    });
    Ok(xml.answer())
}

/// The region as endpoints name it: `oss-cn-hangzhou`.
pub(in crate::simulator) fn get_bucket_location(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(Action::GetBucketLocation, incoming.resource())?;
    let location = location(bucket);
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint>{}</LocationConstraint>\n",
        crate::oss::xml::escape(&location)
    );
    Ok(HttpResponse::Ok().content_type("application/xml").body(xml))
}

/// Private, unless the settings say otherwise.
pub(in crate::simulator) fn get_bucket_acl(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(Action::GetBucketAcl, incoming.resource())?;
    Ok(access_control_policy(bucket, bucket.acl.name()).answer())
}

/// How many objects there are, of how many bytes; versions count.
pub(in crate::simulator) async fn get_bucket_stat(
    oss: &Oss,
    incoming: &Incoming,
    bucket: &BucketSpec,
) -> Result<HttpResponse, OssError> {
    authorise(incoming, oss)?.permit(Action::GetBucketStat, incoming.resource())?;
    let keys = oss.objects.list(&bucket.name).await?;
    let records: Vec<&Record> = keys.iter().flat_map(|file| &file.versions).collect();
    let bytes: u64 = records.iter().filter_map(|record| record.content()).map(|content| content.size).sum();
    let objects = records.iter().filter(|record| !matches!(record.kind, Kind::DeleteMarker)).count();
    let newest = records.iter().map(|record| record.last_modified.timestamp()).max().unwrap_or_default();
    let uploads = oss.uploads.in_bucket(&bucket.name).await?.len();
    let mut xml = Xml::new("BucketStat");
    xml.text("Storage", &bytes.to_string())
        .text("ObjectCount", &objects.to_string())
        .text("MultipartUploadCount", &uploads.to_string())
        .text("LiveChannelCount", "0")
        .text("LastModifiedTime", &newest.to_string());
    Ok(xml.answer())
}

/// An ACL as GetBucketAcl and GetObjectACL answer it.
pub(in crate::simulator) fn access_control_policy(bucket: &BucketSpec, acl: &str) -> Xml {
    let mut xml = Xml::new("AccessControlPolicy");
    owner(&mut xml, bucket);
    grant(&mut xml, acl);
    xml
}

fn grant(xml: &mut Xml, acl: &str) {
    xml.element("AccessControlList", |xml| {
        xml.text("Grant", acl);
    });
}

fn location(bucket: &BucketSpec) -> String {
    format!("oss-{}", bucket.region)
}
