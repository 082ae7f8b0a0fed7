//! File names: what passes is no path, and its header gives it back.

use oss_valet::{
    grant::file_name::{content_disposition, parse},
    oss::encoding::decode_path,
};

pub(super) fn target(data: &[u8]) {
    let Some(name) = super::text(data).and_then(|text| parse(text).ok()) else { return };
    assert!(!name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\']), "{name:?}");
    assert!(!name.chars().any(char::is_control));
    assert_eq!(parse(&name).as_ref(), Ok(&name), "a name is its own name");
    let header = content_disposition("attachment", &name);
    assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{header}");
    let (plain, exact) = header.split_once("; filename*=UTF-8''").expect("both forms");
    assert_eq!(decode_path(exact).as_ref(), Some(&name));
    assert_eq!(plain.matches('"').count(), 2, "{plain}");
}
