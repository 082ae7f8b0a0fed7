//! Who may: the signature says who asks ([`authorise`]), RAM says what they may do ([`permissions`], in the language of [`policy`]).
//!
//! [`sts`] hands out sessions of [`roles`]; [`sessions`] keeps them. A session may do what both its role and its session policy allow.

pub(in crate::simulator) mod authorise;
pub(in crate::simulator) mod permissions;
pub(in crate::simulator) mod policy;
mod refused;
pub(in crate::simulator) mod roles;
pub(in crate::simulator) mod sessions;
pub(in crate::simulator) mod sts;
