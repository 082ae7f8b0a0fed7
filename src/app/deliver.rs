//! Tell the sinks: each event goes to those that want it, until they have it or patience ends.

use super::{Valet, ports::OutgoingEvent};
use crate::grant::event::Event;

impl Valet {
    /// Decides who is to be told of an event. That is done when it is recorded: a sink configured later is not told of it.
    pub(super) fn address(&self, event: Event) -> OutgoingEvent {
        let wanting = self.sinks.iter().filter(|(_, sink)| sink.wants(event.kind));
        OutgoingEvent { sinks: wanting.map(|(name, _)| name.clone()).collect(), event }
    }
}
