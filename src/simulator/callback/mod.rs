//! Telling somebody what arrived: what was asked for ([`order`]) and where that leads ([`resolve`]), a bucket's presets
//! ([`presets`]), the signed request ([`sender`], [`key`]), and what OSS accepts as its answer ([`answer`]).

pub(in crate::simulator) mod answer;
pub(in crate::simulator) mod key;
pub(in crate::simulator) mod order;
pub(in crate::simulator) mod presets;
pub(in crate::simulator) mod resolve;
pub(in crate::simulator) mod sender;
