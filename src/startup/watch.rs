//! Whether the files of the configuration have changed: by what they hold, whatever links lead to them, as Kubernetes swaps those.

use tokio::task::spawn_blocking;

use crate::settings::FilePrints;

/// Looks at the files that a configuration was read from.
#[derive(Debug)]
pub struct Watch {
    known: FilePrints,
    seen: Option<FilePrints>,
}

impl Watch {
    /// For files that held this when they were read.
    pub fn new(known: FilePrints) -> Self {
        Self { known, seen: None }
    }

    /// Whether they hold something else than when they were read, and the same as at the last look: files that are being written, or
    /// replaced one after the other, are left alone until that is done.
    pub fn look(&mut self) -> bool {
        let now = self.known.look_again();
        if now == self.known {
            self.seen = None;
            return false;
        }
        let is_settled = self.seen.as_ref() == Some(&now);
        self.seen = Some(now);
        is_settled
    }

    /// As [`Self::look`], where a file that is out of reach holds up nobody else.
    pub(super) async fn look_aside(&mut self) -> bool {
        let mut watch = Self { known: self.known.clone(), seen: self.seen.take() };
        let looked = spawn_blocking(move || (watch.look(), watch)).await;
        let (changed, watch) = looked.expect("looking at files does not panic");
        *self = watch;
        changed
    }
}
