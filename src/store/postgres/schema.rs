//! The schema: bringing a database up to date while other replicas use it, and refusing one that is not ours.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, SqlSafeStr as _,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, MigrationType, Migrator},
    query, query_as, query_scalar,
};

use tokio::time::timeout;

use super::{super::OpenError, Server};

/// All migrations, oldest first. Each is applied once and never edited afterwards: its checksum is in the ledger.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "ledger", include_str!("../migrations/postgres/0001_ledger.sql")),
    (5, "deliveries", include_str!("../migrations/postgres/0005_deliveries.sql")),
    (6, "checks", include_str!("../migrations/postgres/0006_checks.sql")),
    (7, "traces", include_str!("../migrations/postgres/0007_traces.sql")),
    (8, "quotas", include_str!("../migrations/postgres/0008_quotas.sql")),
];

/// Where sqlx notes what it has applied.
const NOTES: &str = "_sqlx_migrations";

/// The advisory lock that one migrates under. Any number, as long as it is the same in every version.
const LOCK: i64 = 0x6f73_735f_7661_6c65;

/// For whoever else migrates.
const LOCK_SECONDS: u32 = 60;

/// For the locks that a migration needs on tables: who waits for one holds up everybody who comes after.
const TABLE_LOCK_SECONDS: u32 = 5;

/// For looking at the schema.
const CHECK_PATIENCE: Duration = Duration::from_secs(10);

/// Applies what has not been applied; one process at a time, however many try.
pub(in crate::store) async fn migrate(server: &Server) -> Result<(), OpenError> {
    let mut connection = server.connect_plainly().await.map_err(unreadable)?;
    // Mostly there is nothing to do, and then no right to do it is needed either.
    if check_over(&mut connection).await.is_err() {
        set(&mut connection, "statement_timeout", 0).await?;
        set(&mut connection, "lock_timeout", LOCK_SECONDS).await?;
        query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await.map_err(unreadable)?;
        match check_over(&mut connection).await {
            Err(OpenError::NotMigrated) => {}
            decided => return decided,
        }
        set(&mut connection, "lock_timeout", TABLE_LOCK_SECONDS).await?;
        migrator().run(&mut connection).await.map_err(refused)?;
    }
    // Which frees the lock.
    connection.close().await.map_err(unreadable)
}

/// Whether the database has a schema that this program can work on.
pub(in crate::store) async fn check(server: &Server) -> Result<(), OpenError> {
    let mut connection = server.connect_plainly().await.map_err(unreadable)?;
    let checked = timeout(CHECK_PATIENCE, check_over(&mut connection)).await;
    checked.map_err(|_| unreadable(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))??;
    connection.close().await.map_err(unreadable)
}

async fn check_over(connection: &mut PgConnection) -> Result<(), OpenError> {
    let encoding: String =
        query_scalar("SHOW server_encoding").fetch_one(&mut *connection).await.map_err(unreadable)?;
    if encoding != "UTF8" {
        return Err(OpenError::Unusable(format!("the database's encoding is {encoding}, and must be UTF8")));
    }
    // In one statement: meanwhile another process may be making these tables.
    let (is_noted, tables): (bool, i64) = query_as(
        "SELECT to_regclass('_sqlx_migrations') IS NOT NULL, count(*) FROM pg_class \
         WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p') AND NOT EXISTS \
         (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(unreadable)?;
    if !is_noted {
        return Err(match tables {
            0 => OpenError::NotMigrated,
            _ => OpenError::Foreign("it has tables, but not ours".to_owned()),
        });
    }
    let applied = connection.list_applied_migrations(NOTES).await.map_err(refused)?;
    compare(connection, &applied).await
}

async fn compare(connection: &mut PgConnection, applied: &[AppliedMigration]) -> Result<(), OpenError> {
    let known = migrator();
    let newest_known = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    if let Some(newer) = applied.iter().map(|applied| applied.version).find(|version| *version > newest_known) {
        let compatible_from: i64 = query_scalar("SELECT compatible_from FROM ledger_schema")
            .fetch_one(&mut *connection)
            .await
            .map_err(unreadable)?;
        if compatible_from > newest_known {
            return Err(OpenError::Newer(newer));
        }
    }
    for migration in known.iter() {
        match applied.iter().find(|applied| applied.version == migration.version) {
            None => return Err(OpenError::NotMigrated),
            Some(applied) if applied.checksum != migration.checksum => {
                return Err(refused(MigrateError::VersionMismatch(migration.version)));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    // Ours is held already, and waited for no longer than we want; what a later version has added is its business.
    migrator.set_locking(false).set_ignore_missing(true);
    migrator
}

async fn set(connection: &mut PgConnection, name: &str, seconds: u32) -> Result<(), OpenError> {
    let statement = AssertSqlSafe(format!("SET {name} = '{seconds}s'"));
    query(statement).execute(connection).await.map_err(unreadable)?;
    Ok(())
}

fn unreadable(error: sqlx::Error) -> OpenError {
    OpenError::Unreadable(error.into())
}

fn refused(error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMismatch(version) => {
            OpenError::Foreign(format!("its migration {version} is not the one known here"))
        }
        other => OpenError::Unreadable(other.into()),
    }
}
