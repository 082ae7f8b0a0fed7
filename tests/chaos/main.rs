//! The parts of the chaos test are tests themselves: that the checker sees what is lost, that wires break as they are told to, that a
//! seed means one schedule, that the backend believes nobody. The runs themselves: `tests/chaos/run`.
//!
//! `cfg(test)` lets clippy see tests where there are helpers too.
#![cfg(test)]

mod checker;
#[path = "tests/checking.rs"]
mod checking;
mod facts;
#[path = "tests/planning.rs"]
mod planning;
#[expect(dead_code, reason = "the runs use the rest")]
mod proxy;
mod schedule;
#[expect(dead_code, reason = "the runs use the rest")]
mod sink;
#[path = "tests/sinking.rs"]
mod sinking;
#[path = "tests/wiring.rs"]
mod wiring;
