//! Who may: the signature says who asks, RAM says what they may do.

pub(in crate::simulator) mod authorise;
pub(in crate::simulator) mod permissions;
mod refused;
