//! The extractor of the drop-in shapes: who came in, by a bearer token or by the ticket in the path.

use std::{ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;

use crate::{
    app::{
        ports::Caller,
        redeem_ticket::{RedeemTicketError, TicketHolder},
    },
    grant::fault::{Fault, FaultCode},
    http::{
        caller::{SignedIn, known, unauthorized},
        house::House,
        limits::charge_user,
        problem::{Code, Problem},
    },
};

/// The verified caller of a drop-in shape. Where the path holds a ticket, it alone counts, whatever the headers say.
#[derive(Debug, Clone)]
pub struct Entrant {
    caller: Arc<Caller>,
    /// The only profile that a ticket is good for.
    ticket_profile: Option<String>,
}

impl Entrant {
    /// The profile to use: the ticket's, else the one that was asked for.
    ///
    /// # Errors
    /// When another profile than the ticket's is asked for, and when none is known; `field` names where it belongs.
    pub fn profile<'a>(&'a self, asked: Option<&'a str>, field: &str) -> Result<&'a str, Problem> {
        match (self.ticket_profile(), asked) {
            (Some(profile), Some(other)) if profile != other => {
                Err(Problem::new(Code::ProfileNotAllowed, "this ticket is for another profile"))
            }
            (Some(profile), _) | (None, Some(profile)) => Ok(profile),
            (None, None) => {
                let why = "say which profile, or come with a ticket for one";
                Err(Problem::faulty(vec![Fault::new(field, FaultCode::MissingField, why)]))
            }
        }
    }

    /// The only profile that may be touched, for whoever came by a ticket: it opens nothing of another one.
    pub fn ticket_profile(&self) -> Option<&str> {
        self.ticket_profile.as_deref()
    }
}

impl Deref for Entrant {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequest for Entrant {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if let Some(ticket) = request.match_info().get("ticket") {
            let admitted = by_ticket(request, ticket);
            return Box::pin(async move { admitted });
        }
        let signed_in = SignedIn::from_request(request, payload);
        Box::pin(async move { Ok(Self { caller: signed_in.await?.into_caller(), ticket_profile: None }) })
    }
}

fn by_ticket(request: &HttpRequest, ticket: &str) -> Result<Entrant, Problem> {
    let house = House::of(request);
    let valet = &house.valet;
    let TicketHolder { caller, profile } = valet.redeem_ticket(ticket, valet.clock.now())?;
    let caller = Arc::new(caller);
    known(request, &caller);
    charge_user(request, &caller.user_id)?;
    Ok(Entrant { caller, ticket_profile: Some(profile) })
}

impl From<RedeemTicketError> for Problem {
    fn from(error: RedeemTicketError) -> Self {
        match error {
            // Why it is no good helps only who forges one.
            RedeemTicketError::Invalid(_) => {
                unauthorized("invalid_token", "the ticket is no good, or its time is over")
            }
            RedeemTicketError::ProfileNotAllowed => Self::new(Code::ProfileNotAllowed, error),
        }
    }
}
