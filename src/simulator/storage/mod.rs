//! What stays: objects with their versions, and the parts of multipart uploads.
//!
//! What is known lies in memory ([`index`]) and in an append-only file ([`journal`]): one line per change, written with
//! one `write` before anybody is answered, read again at the start. Bytes lie in files ([`pieces`], [`folder`]) that the
//! journal names; what it does not name does not exist, and is cleared away at the start ([`disk`]).
//!
//! `kill -9` loses nothing that was answered. A power cut may: nothing is synced, since this is no place for data that matters.

pub(in crate::simulator) mod attributes;
pub(in crate::simulator) mod crc64;
pub(in crate::simulator) mod disk;
pub(in crate::simulator) mod folder;
pub(in crate::simulator) mod image;
pub(in crate::simulator) mod index;
pub(in crate::simulator) mod journal;
pub(in crate::simulator) mod objects;
pub(in crate::simulator) mod parts;
pub(in crate::simulator) mod pieces;
pub(in crate::simulator) mod record;
pub(in crate::simulator) mod tags;
pub(in crate::simulator) mod upload;
