use std::time::Duration;

use async_trait::async_trait;

use crate::backoff::Backoff;
use crate::store::{Result, StoreError, StoreErrorKind};

use super::pool::{Pool, Tx, Verb};
use super::trouble::Trouble;
use super::url::Location;

/// The scripts that bring a schema from each version to the next. Each statement may find that it was run
/// before.
const MIGRATIONS: [&str; 6] = [
    include_str!("schema.sql"),
    include_str!("workers.sql"),
    include_str!("attempts.sql"),
    include_str!("lives.sql"),
    include_str!("places.sql"),
    include_str!("stopped.sql"),
];

/// How often it is tried: processes that start together get in each other's way.
const ATTEMPTS: u32 = 10;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));

/// Brings the schema to the latest version, while other processes may be about to do the same.
pub(super) async fn migrate(pool: &Pool, location: &Location) -> Result<()> {
    check_encoding(pool).await?;
    prepare(pool, location).await?;
    let mut failures = 0;
    loop {
        match pool.try_transact(&Step).await {
            Ok(Progress::Stepped) => {}
            Ok(Progress::Latest) => return Ok(()),
            Err(trouble) if trouble.is_of_schema() && failures < ATTEMPTS => {
                failures += 1;
                tokio::time::sleep(BACKOFF.with_jitter(failures)).await;
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

/// A database in an encoding of its own refuses each letter that it lacks, and so the replies they are in. One without any keeps
/// what it is given, which is UTF-8.
async fn check_encoding(pool: &Pool) -> Result<()> {
    let rows = pool.query("SHOW server_encoding", &[]).await?;
    let encoding: String =
        rows.first().map_or(Ok("UTF8".to_owned()), |row| row.try_get(0)).map_err(Trouble::from)?;
    if matches!(&*encoding, "UTF8" | "SQL_ASCII") {
        return Ok(());
    }
    let what_to_do =
        "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name it in the URL";
    Err(StoreError::because(
        StoreErrorKind::Configuration,
        format!(
            "the database has the encoding {encoding}, and mail has letters that are not in it: {what_to_do}"
        ),
    ))
}

/// Makes the schema and the place of its version, unless they are there: then nothing is asked of the user's rights.
async fn prepare(pool: &Pool, location: &Location) -> Result<()> {
    let known =
        "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'schema_version'";
    let schema = location.quoted_schema();
    let make = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS {schema}.schema_version (one int4 PRIMARY KEY, version bigint NOT NULL)"
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

enum Progress {
    Stepped,
    Latest,
}

/// One script, after which its version is written down.
///
/// Whoever holds the row of the version is alone, and leaves all or nothing. A database that changes a schema outside of any
/// transaction keeps neither promise: there several may be at it, and find what was half done.
struct Step;

#[async_trait]
impl Verb for Step {
    type Answer = Progress;

    async fn run(&self, tx: &Tx<'_>) -> Result<Progress, Trouble> {
        tx.execute("INSERT INTO schema_version (one, version) VALUES (1, 0) ON CONFLICT DO NOTHING", &[])
            .await?;
        let rows = tx.query("SELECT version FROM schema_version WHERE one = 1 FOR UPDATE", &[]).await?;
        let version: i64 = rows.first().ok_or(Trouble::Overtaken)?.try_get(0)?;
        let latest = MIGRATIONS.len() as i64;
        if version == latest {
            return Ok(Progress::Latest);
        }
        let Some(script) = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done)) else {
            return Err(Trouble::corrupt(format!(
                "the schema has version {version}, and this program knows versions up to {latest}: run a newer program on it"
            )));
        };
        for statement in script.split_inclusive(";\n") {
            tx.batch(statement).await?;
        }
        let written = "UPDATE schema_version SET version = $1 WHERE one = 1 AND version < $1";
        tx.execute(written, &[&(version + 1)]).await?;
        Ok(Progress::Stepped)
    }
}
