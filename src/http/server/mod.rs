//! Listening, and what a connection may cost: how many there are, how long each may be silent or slow.
//!
//! | who | is cut off by |
//! | --- | --- |
//! | one that connects and says nothing | `request_timeout`, before anything is set aside for it |
//! | one that sends the head of a request slowly, the first or a later one | `request_timeout`, with 408 |
//! | one that sends a body slowly | the same, in [`super::json_body`] |
//! | one that has been answered and says nothing more | `keep_alive` |
//! | one that does not take its answer | `keep_alive`, without a byte taken |

mod files;
mod paced;

use std::{io, net::TcpListener, num::NonZeroUsize, thread::available_parallelism, time::Duration};

use actix_http::{HttpService, Request, Response, error::DispatchError};
use actix_server::GracefulShutdownSignal;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, Server},
    rt::net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use self::paced::Paced;
pub use self::paced::{InHand, take_in_hand};

/// What a listener does with connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionRules {
    /// Threads that serve; `None` = as many as cores.
    pub workers: Option<usize>,
    /// Connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// How long the head of a request may take to arrive.
    pub request_timeout: Duration,
    /// How long a connection may be silent between requests.
    pub keep_alive: Duration,
    /// How long requests may take to finish once we stop.
    pub grace: Duration,
}

impl ConnectionRules {
    fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get))
    }
}

/// Serves what `factory` makes, one for each worker, until `stop`. A connection that is cut off is closed.
///
/// # Errors
/// When the listener can't be used.
pub fn listen<F, I, S, B>(
    listener: TcpListener,
    rules: ConnectionRules,
    stop: &CancellationToken,
    factory: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: std::fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as actix_service::Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let workers = rules.workers();
    let connections = files::room_for(rules.max_connections);
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections.div_ceil(workers))
        .disable_signals()
        .shutdown_signal(stop.clone().cancelled_owned())
        .shutdown_timeout(rules.grace.as_secs());
    let drain = builder.graceful_shutdown_signal();
    let served = builder.listen("http", listener, move || {
        let (drain_idle, drain_busy) = (drain.clone(), drain.clone());
        let app = factory().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .keep_alive(rules.keep_alive)
            .client_request_timeout(rules.request_timeout)
            .client_disconnect_timeout(rules.request_timeout)
            .graceful_shutdown_signal(move || {
                let drain = drain_busy.clone();
                async move { drain.notified().await }
            })
            .on_connect_ext(|io: &Paced, data| {
                data.insert(io.in_hand());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |io| greet(io, rules, drain_idle.clone())).and_then(http)
    })?;
    Ok(served.run())
}

/// Waits for the first byte of a connection: until it comes, the connection costs next to nothing.
async fn greet(
    io: TcpStream,
    rules: ConnectionRules,
    drain: GracefulShutdownSignal,
) -> Result<(Paced, Option<std::net::SocketAddr>), DispatchError> {
    let peer = io.peer_addr().ok();
    // Answers are written whole: none of them gets faster by waiting for more.
    io.set_nodelay(true)?;
    tokio::select! {
        ready = tokio::time::timeout(rules.request_timeout, io.readable()) => {
            ready.map_err(|_| DispatchError::SlowRequestTimeout)??;
        }
        () = drain.notified() => return Err(DispatchError::SlowRequestTimeout),
    }
    Ok((Paced::new(io, rules.request_timeout, rules.keep_alive), peer))
}
