//! Which server, and how a connection to it is made.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;

use super::super::{OpenError, engine::Connector, failure::Failure};

/// What a URL may say behind its `?`. Others would be passed over, with a line in the log that shows their value.
const PARAMETERS: [&str; 9] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "hostaddr", "port", "application_name", "options"];

/// For finding the server, TLS and the password.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// For a statement on the way of a request. With [`PATIENCE`] a callback can still be answered in OSS's 5 s.
const STATEMENT_MILLISECONDS: u32 = 2_000;

/// For a list.
const LIST_MILLISECONDS: u32 = 10_000;

/// For a lock that somebody else holds: shorter than a statement's, so that the error tells why.
const LOCK_MILLISECONDS: u32 = 1_500;

/// For a transaction of ours whose next statement does not come: this process hangs, and others wait for its locks.
const IDLE_IN_TRANSACTION_MILLISECONDS: u32 = 5_000;

/// For a whole transaction with all its statements, also where the server answers nothing at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// Connections for lists and whatever else is rare.
const POOL: u32 = 4;

/// A database on a server.
#[derive(Clone)]
pub(in crate::store) struct Server(PgConnectOptions);

impl Server {
    /// Reads `postgres://…`.
    ///
    /// # Errors
    /// When it is not understood; the error does not show it, for it may hold a password.
    pub(in crate::store) fn at(url: &str) -> Result<Self, OpenError> {
        let unusable = |problem: String| OpenError::Unusable(problem);
        let query = url.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
        for name in query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty()) {
            if !PARAMETERS.contains(&name) && !name.starts_with("options[") {
                return Err(unusable(format!("`{}` is no parameter of a store URL", name.escape_debug())));
            }
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| unusable(error.to_string()))?;
        let name = options.get_application_name().unwrap_or("oss-valet").to_owned();
        Ok(Self(options.application_name(&name).disable_statement_logging()))
    }

    /// A connection as the server makes it, with no limit on how long a statement may take.
    pub(super) async fn connect_plainly(&self) -> Result<PgConnection, sqlx::Error> {
        let connected = timeout(CONNECT_TIMEOUT, self.0.connect()).await;
        connected.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
    }

    /// A pool that connects when it is asked to.
    pub(super) fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(POOL)
            .acquire_timeout(CONNECT_TIMEOUT)
            .after_connect(|connection, _| Box::pin(prepare(connection, LIST_MILLISECONDS)))
            .connect_lazy_with(self.0.clone())
    }

    /// A pool of one for the listener, which no statement's limit concerns.
    pub(super) fn pool_of_one(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.0.clone())
    }
}

impl Connector for Server {
    type Connection = PgConnection;
    const PATIENCE: Option<Duration> = Some(PATIENCE);

    async fn connect(&self) -> Result<PgConnection, Failure> {
        let mut connection = self.connect_plainly().await?;
        prepare(&mut connection, STATEMENT_MILLISECONDS).await?;
        Ok(connection)
    }
}

/// What every session of ours is like, whatever the server's or the role's defaults are. By statement instead of a
/// startup parameter, which poolers between us and the server refuse. How durable a commit is stays the server's word.
async fn prepare(connection: &mut PgConnection, statement_milliseconds: u32) -> Result<(), sqlx::Error> {
    let session = format!(
        "SET statement_timeout = {statement_milliseconds}; \
         SET lock_timeout = {LOCK_MILLISECONDS}; \
         SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MILLISECONDS}; \
         SET default_transaction_isolation = 'read committed'"
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(session))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_what_we_do_not_know_is_refused_without_showing_values() {
        for url in [
            "postgres://u:hidden@h/d?sslpassword=hidden",
            "postgres://u:hidden@h:port/d",
            "postgres://u:hidden@h/d?sslmode=maybe",
        ] {
            let refused = Server::at(url).err().unwrap().to_string();
            assert!(!refused.contains("hidden"), "{refused}");
        }
        assert!(
            Server::at("postgres://u:p@h/d?sslmode=verify-full&sslrootcert=/ca.pem&options[search_path]=x").is_ok()
        );
        assert!(Server::at("postgresql://h").is_ok());
    }
}
