//! RAM policies: any text is read or refused; what surrounds a document says nothing, and adding it to itself changes no
//! statement.

use oss_valet::simulator::Permissions;

pub(super) fn target(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    match Permissions::policy(text) {
        Ok(permissions) => {
            assert_eq!(Permissions::policy(&format!(" {text}\n")), Ok(permissions.clone()));
            let twice = permissions.clone().and(&permissions);
            assert_ne!(twice, permissions, "there is a statement at least");
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}
