//! List what a caller may upload.

use super::{Valet, ports::Caller};
use crate::grant::profile::Profile;

impl Valet {
    /// The profiles that the caller may use, by name.
    pub fn list_profiles(&self, caller: &Caller) -> Vec<&Profile> {
        self.profiles.keys().filter_map(|name| self.profile_for(caller, name)).collect()
    }
}
