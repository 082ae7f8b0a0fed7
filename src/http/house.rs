//! What answers requests. A reload replaces it as a whole; a request ends under the one that it began under.

use std::{convert::Infallible, ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web::Data};
use futures_util::future::{Ready, ok};

use super::limits::Limits;
use crate::app::{Valet, live::Live, ports::Authenticator};

/// Everything of the configuration that a request meets.
pub struct House {
    /// The use cases.
    pub valet: Arc<Valet>,
    /// Tells who calls.
    pub authenticator: Arc<dyn Authenticator>,
    /// Origins that browsers may call from; `*` allows all.
    pub cors_origins: Vec<String>,
    /// How much may be asked for.
    pub limits: Arc<Limits>,
}

/// The house that a request entered: a request extension.
#[derive(Clone)]
struct Entered(Arc<House>);

impl House {
    /// The house of this request: the one in force when it was first asked for.
    pub fn of(request: &HttpRequest) -> Arc<Self> {
        let Entered(house) = request
            .extensions_mut()
            .get_or_insert_with(|| {
                let live = request.app_data::<Data<Live<Self>>>().expect("the app is built with its house");
                Entered(live.current())
            })
            .clone();
        house
    }
}

/// Extractor: the use cases, as the request found them.
pub struct Current(Arc<Valet>);

impl Deref for Current {
    type Target = Arc<Valet>;

    fn deref(&self) -> &Arc<Valet> {
        &self.0
    }
}

impl Current {
    /// To be taken along by work that outlives the handler.
    pub fn into_inner(self) -> Arc<Valet> {
        self.0
    }
}

impl FromRequest for Current {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ok(Self(Arc::clone(&House::of(request).valet)))
    }
}
