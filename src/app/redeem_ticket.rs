//! Redeem a ticket: whom it speaks for, and for which profile.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{Valet, ports::Caller};
use crate::grant::ticket::{TicketFacts, TicketInvalid};

/// Whoever shows a good ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketHolder {
    /// The caller who opened it, with the scopes that it carries.
    pub caller: Caller,
    /// The only profile it is good for.
    pub profile: String,
}

/// Why nobody enters by this ticket.
#[derive(Debug, Error)]
pub enum RedeemTicketError {
    /// Forged, of another service, or too old.
    #[error(transparent)]
    Invalid(#[from] TicketInvalid),
    /// The profile is gone, or asks for a scope that the ticket does not carry.
    #[error("this profile is not available to you")]
    ProfileNotAllowed,
}

impl Valet {
    /// Whom the ticket speaks for. The profile is judged as it is configured now.
    ///
    /// # Errors
    /// When the ticket is no good, or its profile not its owner's any more.
    pub fn redeem_ticket(&self, ticket: &str, now: DateTime<Utc>) -> Result<TicketHolder, RedeemTicketError> {
        let TicketFacts { issuer, subject, user_id, scopes, profile, .. } = self.ticket_keys.open(ticket, now)?;
        let caller = Caller { issuer, subject, user_id, scopes };
        match self.profile_for(&caller, &profile) {
            Some(_) => Ok(TicketHolder { caller, profile }),
            None => Err(RedeemTicketError::ProfileNotAllowed),
        }
    }
}
