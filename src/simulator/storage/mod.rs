//! What stays: objects with their versions, and the parts of multipart uploads.

pub(in crate::simulator) mod attributes;
pub(in crate::simulator) mod image;
pub(in crate::simulator) mod objects;
pub(in crate::simulator) mod parts;
pub(in crate::simulator) mod record;
pub(in crate::simulator) mod tags;
pub(in crate::simulator) mod upload;
