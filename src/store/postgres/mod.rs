//! The ledger on PostgreSQL: a few writers with a group commit, look-ups in groups, a pool for the rest. Several
//! replicas share it.
//!
//! | file | what it is |
//! | --- | --- |
//! | `server` | the URL, and how a connection is made |
//! | `engine` | what is done over one connection |
//! | `statements`, `cells` | SQL, and how facts are written down |
//! | `listen` | hearing what other replicas did |
//! | `schema` | migrations, and refusing what is not ours |

mod cells;
mod engine;
mod listen;
pub(super) mod schema;
mod server;
mod statements;

use std::sync::Arc;

use sqlx::{PgPool, Postgres};
use tokio_util::sync::DropGuard;

pub(super) use self::server::Server;
use super::{
    failure::Failure,
    group_commit::{Counters, GroupCommit},
    link::Alarm,
    lookup::Finder,
    shelf::Shelf,
};
use crate::app::watch::GrantWatch;

/// Connections that write: while one waits for its commit, others fill theirs.
const WRITERS: usize = 3;

/// Connections for look-ups by id.
const FINDERS: usize = 2;

/// The ledger in one database.
pub(super) struct PostgresStore {
    writer: GroupCommit,
    finder: Finder,
    /// For what is rare beside these.
    pool: PgPool,
    /// Ends the listener.
    _listening: DropGuard,
}

impl PostgresStore {
    /// Opens a database whose schema has been checked. `watch` is told of what other replicas change.
    pub(super) async fn open(server: Server, counters: Arc<Counters>, watch: GrantWatch) -> Result<Self, Failure> {
        let alarm = Alarm::default();
        Ok(Self {
            writer: GroupCommit::start(vec![server.clone(); WRITERS], &alarm, counters).await?,
            finder: Finder::start(vec![server.clone(); FINDERS], &alarm).await?,
            _listening: listen::start(&server, watch).await?,
            pool: server.pool(),
        })
    }
}

impl Shelf for PostgresStore {
    type Database = Postgres;

    fn writer(&self) -> &GroupCommit {
        &self.writer
    }

    fn finder(&self) -> &Finder {
        &self.finder
    }

    fn pool(&self) -> &PgPool {
        &self.pool
    }
}
