//! Open a ticket: for clients of the caller's that cannot send headers.

use chrono::{DateTime, SubsecRound, Utc};
use thiserror::Error;

use super::{Valet, audit, ports::Caller};
use crate::grant::{
    limits::is_usable_user_id,
    ticket::{LIFETIME, NONCE_LEN, TicketFacts, TicketTooLong},
};

/// A ticket, for its owner's eyes only: no `Debug`.
pub struct OpenedTicket {
    /// The opaque text.
    pub ticket: String,
    /// When it is good for nothing any more.
    pub expires_at: DateTime<Utc>,
}

/// Why there is no ticket.
#[derive(Debug, Error)]
pub enum OpenTicketError {
    /// No such profile, or not for this caller.
    #[error("this profile is not available to you")]
    ProfileNotAllowed,
    /// No grant could be issued to this user.
    #[error("this user id is empty, too long, or has control characters")]
    UserIdUnusable,
    /// The token's subject is too long.
    #[error(transparent)]
    TooLong(#[from] TicketTooLong),
}

impl Valet {
    /// A ticket for one profile. It speaks for the caller, but carries of the caller's scopes only the one that the profile asks
    /// for: so it is short however many there are, and is good for nothing else.
    ///
    /// # Errors
    /// When the caller may not use the profile, or has ids that no ticket holds.
    pub fn open_ticket(
        &self,
        caller: &Caller,
        profile: &str,
        now: DateTime<Utc>,
    ) -> Result<OpenedTicket, OpenTicketError> {
        let profile = self.profile_for(caller, profile).ok_or(OpenTicketError::ProfileNotAllowed)?;
        if !is_usable_user_id(&caller.user_id) {
            return Err(OpenTicketError::UserIdUnusable);
        }
        let facts = TicketFacts {
            issuer: caller.issuer.clone(),
            subject: caller.subject.clone(),
            user_id: caller.user_id.clone(),
            scopes: profile.scope.iter().filter(|scope| caller.has_scope(scope)).cloned().collect(),
            profile: profile.name.clone(),
            expires_at: (now + LIFETIME).trunc_subsecs(0),
        };
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let ticket = self.ticket_keys.seal(&facts, nonce)?;
        audit::ticket_opened(caller, &facts.profile, facts.expires_at);
        Ok(OpenedTicket { ticket, expires_at: facts.expires_at })
    }
}
