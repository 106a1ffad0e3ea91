use async_trait::async_trait;

use crate::store::Result;

use super::pool::{Pool, Tx, Verb};
use super::trouble::Trouble;
use super::url::Location;

/// The scripts that bring a schema from each version to the next.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema.sql"),
    include_str!("workers.sql"),
    include_str!("attempts.sql"),
    include_str!("lives.sql"),
];

/// How often making what the version is written down in is tried: processes that start together get in each other's way.
const ATTEMPTS: usize = 10;

/// Brings the schema to the latest version, while other processes may be about to do the same.
pub(super) async fn migrate(pool: &Pool, location: &Location) -> Result<()> {
    prepare(pool, location).await?;
    pool.transact(&Migrate).await
}

/// Makes the schema and the place of its version, unless they are there: then nothing is asked of the user's rights.
async fn prepare(pool: &Pool, location: &Location) -> Result<()> {
    let known =
        "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'schema_version'";
    let schema = location.quoted_schema();
    let make = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS {schema}.schema_version (one integer PRIMARY KEY, version bigint NOT NULL)"
    );
    let mut last = None;
    for _ in 0..ATTEMPTS {
        if !pool.query(known, &[&location.schema]).await?.is_empty() {
            return Ok(());
        }
        match pool.batch(&make).await {
            Ok(()) => return Ok(()),
            // `IF NOT EXISTS` does not look at what another session is just making.
            Err(trouble) => last = Some(trouble),
        }
    }
    Err(last.unwrap_or(Trouble::Overtaken).into())
}

struct Migrate;

#[async_trait]
impl Verb for Migrate {
    type Answer = ();

    async fn run(&self, tx: &Tx<'_>) -> Result<(), Trouble> {
        tx.execute("INSERT INTO schema_version (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING", &[])
            .await?;
        let rows = tx.query("SELECT version FROM schema_version WHERE one = 1 FOR UPDATE", &[]).await?;
        let version: i64 = rows.first().ok_or(Trouble::Overtaken)?.try_get(0)?;
        let latest = MIGRATIONS.len() as i64;
        let Some(missing) = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..)) else {
            return Err(Trouble::corrupt(format!(
                "the schema has version {version}, and this program knows versions up to {latest}: run a newer program on it"
            )));
        };
        if missing.is_empty() {
            return Ok(());
        }
        for migration in missing {
            tx.batch(migration).await?;
        }
        tx.execute("UPDATE schema_version SET version = $1 WHERE one = 1", &[&latest]).await?;
        Ok(())
    }
}
