//! Hearing what other replicas did, to wake those who wait here for a grant to change.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{super::failure::Failure, server::Server};
use crate::app::watch::GrantWatch;

/// Where changed grants are told.
pub(super) const CHANNEL: &str = "oss_valet_grants";

/// Ids in one notification: PostgreSQL takes less than 8000 bytes.
const IDS: usize = 240;

/// Between two attempts to listen again.
const PAUSE: Duration = Duration::from_secs(1);

/// The notifications that tell of these grants.
pub(super) fn payloads(changed: &[Uuid]) -> Vec<String> {
    let together = |ids: &[Uuid]| ids.iter().map(|id| id.simple().to_string()).collect::<Vec<_>>().join(",");
    changed.chunks(IDS).map(together).collect()
}

/// Listens, until the guard is dropped; when this returns, whatever is committed is heard.
pub(super) async fn start(server: &Server, watch: GrantWatch) -> Result<DropGuard, Failure> {
    let pool = server.pool_of_one();
    let listener = listen(&pool).await?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = hear_on_and_on(&pool, listener, &watch) => {}
        }
    });
    Ok(stop.drop_guard())
}

async fn listen(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    // To be told of a lost connection at once: meanwhile nothing is heard.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn hear_on_and_on(pool: &PgPool, mut listener: PgListener, watch: &GrantWatch) {
    loop {
        let cause = hear(&mut listener, watch).await;
        tracing::warn!(error.cause = cause, "no longer hears of other replicas' changes");
        drop(listener);
        listener = loop {
            match listen(pool).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        tracing::info!("hears of other replicas' changes again");
        // Whatever was told in between was told to nobody.
        watch.announce_all();
    }
}

/// Passes on what is heard until the connection is lost; tells why.
async fn hear(listener: &mut PgListener, watch: &GrantWatch) -> String {
    loop {
        match listener.try_recv().await {
            Ok(Some(told)) => {
                for id in told.payload().split(',').filter_map(|id| id.parse().ok()) {
                    watch.announce(id);
                }
            }
            Ok(None) => return "the connection was lost".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_notification_is_longer_than_postgres_takes() {
        let ids: Vec<Uuid> = (0..256).map(Uuid::from_u128).collect();
        let told = payloads(&ids);
        assert!(told.iter().all(|payload| payload.len() < 8000));
        let heard: Vec<Uuid> =
            told.iter().flat_map(|payload| payload.split(',')).map(|id| id.parse().unwrap()).collect();
        assert_eq!(heard, ids);
    }
}
