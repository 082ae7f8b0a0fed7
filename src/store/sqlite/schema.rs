//! The schema: bringing a file up to date, and refusing one that is not ours.

use std::path::Path;

use sqlx::{
    ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection,
    migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator},
    query_scalar,
};

use super::super::OpenError;

/// All migrations, oldest first. Each is applied once and never edited afterwards: its checksum is in the ledger.
const MIGRATIONS: [(i64, &str, &str); 8] = [
    (1, "ledger", include_str!("../migrations/sqlite/0001_ledger.sql")),
    (2, "multipart", include_str!("../migrations/sqlite/0002_multipart.sql")),
    (3, "hook", include_str!("../migrations/sqlite/0003_hook.sql")),
    (4, "directories", include_str!("../migrations/sqlite/0004_directories.sql")),
    (5, "deliveries", include_str!("../migrations/sqlite/0005_deliveries.sql")),
    (6, "checks", include_str!("../migrations/sqlite/0006_checks.sql")),
    (7, "traces", include_str!("../migrations/sqlite/0007_traces.sql")),
    (8, "quotas", include_str!("../migrations/sqlite/0008_quotas.sql")),
];

/// Where sqlx notes what it has applied.
const NOTES: &str = "_sqlx_migrations";

/// Creates the file if it does not exist, and applies what has not been applied.
pub(in crate::store) async fn migrate(path: &Path) -> Result<(), OpenError> {
    let mut connection = super::options(path).create_if_missing(true).connect().await.map_err(unreadable)?;
    if !is_noted(&mut connection).await? && table_count(&mut connection).await? > 0 {
        return Err(OpenError::Foreign("it has tables, but not ours".to_owned()));
    }
    migrator().run(&mut connection).await.map_err(refused)?;
    connection.close().await.map_err(unreadable)
}

/// Whether the file has exactly the schema that this program knows.
pub(in crate::store) async fn check(path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        // Without its folder it can't be made either.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        return Err(match folder.filter(|folder| !folder.is_dir()) {
            Some(folder) => OpenError::Unreadable(format!("there is no folder {}", folder.display()).into()),
            None => OpenError::NotMigrated,
        });
    }
    let mut connection = super::options(path).connect().await.map_err(unreadable)?;
    if !is_noted(&mut connection).await? {
        let foreign = table_count(&mut connection).await? > 0;
        return Err(if foreign {
            OpenError::Foreign("it has tables, but not ours".to_owned())
        } else {
            OpenError::NotMigrated
        });
    }
    let applied = connection.list_applied_migrations(NOTES).await.map_err(refused)?;
    let known = migrator();
    for migration in known.iter() {
        match applied.iter().find(|applied| applied.version == migration.version) {
            None => return Err(OpenError::NotMigrated),
            Some(applied) if applied.checksum != migration.checksum => {
                return Err(refused(MigrateError::VersionMismatch(migration.version)));
            }
            Some(_) => {}
        }
    }
    if let Some(newer) = applied.iter().find(|applied| !known.version_exists(applied.version)) {
        return Err(OpenError::Newer(newer.version));
    }
    connection.close().await.map_err(unreadable)
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.into())
}

async fn is_noted(connection: &mut SqliteConnection) -> Result<bool, OpenError> {
    let found: i64 = query_scalar("SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'")
        .fetch_one(connection)
        .await
        .map_err(unreadable)?;
    Ok(found > 0)
}

async fn table_count(connection: &mut SqliteConnection) -> Result<i64, OpenError> {
    query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(connection).await.map_err(unreadable)
}

fn unreadable(error: sqlx::Error) -> OpenError {
    OpenError::Unreadable(error.into())
}

fn refused(error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Newer(version),
        MigrateError::VersionMismatch(version) => {
            OpenError::Foreign(format!("its migration {version} is not the one known here"))
        }
        other => OpenError::Unreadable(other.into()),
    }
}
