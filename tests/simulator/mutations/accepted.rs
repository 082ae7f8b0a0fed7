//! What may be changed, since no signature covers it: each with the protocol's reason. Were one of these refused, honest
//! clients would be, too.

use super::{
    bed::{BODY, Bed, Operation, Way},
    form::{Form, FormWay, Part, Typed},
    wire::Wire,
};
use crate::harness::owner;

pub(super) struct Accepted {
    pub(super) change: &'static str,
    pub(super) reason: &'static str,
    pub(super) wire: Wire,
}

pub(super) async fn requests(bed: &Bed) -> Vec<Accepted> {
    let key = owner();
    let mut all = vec![];
    for way in Way::ALL {
        let put = bed.request(Operation::PutObjectCalledBack, way, &key).await;
        let get = bed.request(Operation::GetObject, way, &key).await;
        let mut push = |change, reason, wire| all.push(Accepted { change, reason, wire });
        let reordered = |wire: &Wire| {
            let mut changed = wire.clone();
            changed.query.reverse();
            changed.headers.reverse();
            changed
        };
        push(
            "parameters and headers in another order",
            "they are sorted before signing (P§4.1, P§4.2)",
            reordered(&put),
        );
        push(
            "another spelling of the path",
            "the decoded key is signed (P§4.1, P§4.2)",
            Wire { path: put.path.replace("inbox/", "%69nbox%2F"), ..put.clone() },
        );
        push("another body", "the payload is unsigned (P§4.2)", Wire { body: BODY.repeat(2), ..put.clone() });
        push(
            "a header that is not OSS's",
            "only x-oss-*, content-type and content-md5 are signed (P§4.1, P§4.2)",
            get.with_more_header("User-Agent", "me"),
        );
        push(
            "a range",
            "as above: any part of what may be read may be read",
            get.with_more_header("Range", "bytes=0-0"),
        );
        push(
            "blanks around a value",
            "HTTP strips them (P§4.1)",
            put.with_header("x-oss-forbid-overwrite", Some(" false\t")),
        );
        if way == Way::QueryV1 || way == Way::HeaderV1 {
            push("a parameter of no meaning", "V1 signs a fixed list (P§4.1)", put.with_more_query("foo", "bar"));
        }
        if way == Way::HeaderV4 || way == Way::HeaderV4Additional {
            let value = put.header("authorization").expect("the header").replace(',', ", ");
            push("blanks after commas", "oss2 writes them", put.with_header("authorization", Some(&value)));
            push(
                "a date of HTTP's",
                "x-oss-date counts (P§4.2)",
                put.with_more_header("Date", "Fri, 02 Jan 2026 00:00:00 GMT"),
            );
        }
        if way == Way::HeaderV4Additional {
            let value = put
                .header("authorization")
                .expect("the header")
                .replace("cache-control;host", "Host;Cache-Control;cache-control");
            push(
                "additional headers in another order and case",
                "header names have none, and the list is sorted (P§4.2); oss2 sorts it by first letters only",
                put.with_header("authorization", Some(&value)),
            );
        }
    }
    all
}

pub(super) fn forms(bed: &Bed) -> Vec<Accepted> {
    let mut all = vec![];
    for way in FormWay::ALL {
        let base = Form::signed(bed, way, &owner(), Typed::OwnField);
        let mut push = |change, reason, form: Form| all.push(Accepted { change, reason, wire: form.wire() });
        let mut reordered = base.clone();
        let fields = reordered.parts.len() - 1;
        reordered.parts[..fields].reverse();
        push("fields in another order", "only the file's place counts (P§3.1)", reordered);
        push(
            "a field more",
            "fields that no condition mentions are accepted (P§3.4)",
            base.with_more(Part::field("x-oss-meta-b", "1")),
        );
        push(
            "a field behind the file",
            "what follows the file is ignored (P§3.1)",
            base.with_last(Part::field("key", "elsewhere")),
        );
        push("a second file", "what follows the file is ignored (P§3.1)", base.with_last(base.parts[fields].clone()));
        push(
            "a field's name in another case",
            "names compare in any case (P§3.2)",
            base.with_part("key", |part| part.name = "KEY".to_owned()),
        );
        push(
            "another file name",
            "it counts only for ${filename} (P§3.2)",
            base.with_part("file", |part| part.file_name = Some("b.html".to_owned())),
        );
        push(
            "another content type of the file part",
            "x-oss-content-type goes before it (P§3.2)",
            base.with_part("file", |part| part.content_type = Some("text/html".to_owned())),
        );
        push(
            "a content type of a field",
            "a field's part has a value and no more",
            base.with_part("key", |part| part.content_type = Some("text/html".to_owned())),
        );
        push(
            "other bytes of the same length",
            "the policy pins a length, not a content",
            base.with_part("file", |part| part.value = b"abcdefghi".to_vec()),
        );
        // An assumption: no source says which of two counts. It is the one that the policy has judged.
        push(
            "a field twice",
            "the first counts",
            base.with_more(Part::field("x-oss-meta-a", "two")).with_more(Part::field("Key", "elsewhere")),
        );
    }
    all
}
