//! Answering politely while the service is being taken out of service.

use std::time::Duration;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::ConnectionType,
    middleware::Next,
    web::Data,
};
use tokio_util::sync::CancellationToken;

/// The longest `wait` of a request that comes while we drain: it had better ask somebody else.
pub const SHORT_WAIT: Duration = Duration::from_secs(1);

/// Cancelled once the service is told to stop: it still serves, but wants no new work.
#[derive(Debug, Clone)]
pub struct Draining(pub CancellationToken);

/// Middleware: while we drain, each answer is its connection's last one (`Connection: close`). A proxy then opens its next connection
/// elsewhere, instead of finding this one closed under a request that it may not repeat.
///
/// # Errors
/// Those of the inner service.
pub async fn close_while_draining<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let draining = request.app_data::<Data<Draining>>().cloned();
    let mut response = next.call(request).await?;
    // Asked afterwards: what was begun before the stop ends its connection, too.
    if draining.is_some_and(|draining| draining.0.is_cancelled()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
