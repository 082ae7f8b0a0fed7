//! How many requests of one user may wait at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// Waiting requests per user.
pub const MAX_WAITING: usize = 4;

/// Counts who waits.
#[derive(Debug, Clone, Default)]
pub struct WaitingRoom(Arc<Mutex<HashMap<String, usize>>>);

/// One waiting request; leaves when dropped.
#[derive(Debug)]
pub struct Seat {
    room: WaitingRoom,
    user_id: String,
}

impl WaitingRoom {
    /// A seat for one more request of this user, if there is one left.
    pub fn sit_down(&self, user_id: &str) -> Option<Seat> {
        let mut taken = self.0.lock().expect("no holder of this lock panics");
        let seats = taken.entry(user_id.to_owned()).or_default();
        if *seats >= MAX_WAITING {
            return None;
        }
        *seats += 1;
        Some(Seat { room: self.clone(), user_id: user_id.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.0.lock().expect("no holder of this lock panics");
        if let Some(seats) = taken.get_mut(&self.user_id) {
            *seats -= 1;
            if *seats == 0 {
                taken.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_seats_and_gets_them_back() {
        let room = WaitingRoom::default();
        let seats: Vec<_> = (0..MAX_WAITING).map(|_| room.sit_down("u-1").unwrap()).collect();
        assert!(room.sit_down("u-1").is_none(), "one too many");
        assert!(room.sit_down("u-2").is_some(), "another user is not held up");
        drop(seats);
        assert!(room.sit_down("u-1").is_some(), "seats are given back");
    }
}
