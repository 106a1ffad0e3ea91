use crate::model::{Draft, OutgoingAttachment};
use crate::store::{Result, StoreError, StoreErrorKind};

use super::failure::failed;
use super::shelf::SqliteShelf;

/// Writes a draft as JSON, and its files as they are.
pub(super) fn put(shelf: &SqliteShelf<'_>, seq: i64, mut draft: Draft) -> Result<()> {
    let attachments = std::mem::take(&mut draft.attachments);
    let json = serde_json::to_string(&draft).map_err(corrupt)?;
    shelf.run("INSERT INTO drafts (seq, draft) VALUES (?1, ?2)", (seq, json))?;
    for file in attachments {
        shelf.run(
            "INSERT INTO attachments (send_seq, filename, content_type, bytes) VALUES (?1, ?2, ?3, ?4)",
            (seq, file.filename, file.content_type, &file.bytes[..]),
        )?;
    }
    Ok(())
}

pub(super) fn get(shelf: &SqliteShelf<'_>, seq: i64) -> Result<Draft> {
    let json: String = shelf.row("SELECT draft FROM drafts WHERE seq = ?1", [seq], |row| row.get(0))?;
    let mut draft: Draft = serde_json::from_str(&json).map_err(corrupt)?;
    let mut files = shelf
        .prepare("SELECT filename, content_type, bytes FROM attachments WHERE send_seq = ?1 ORDER BY id")?;
    let files = files.query_map([seq], |row| {
        Ok(OutgoingAttachment {
            filename: row.get(0)?,
            content_type: row.get(1)?,
            bytes: row.get::<_, Vec<u8>>(2)?.into(),
        })
    });
    draft.attachments = files.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)?;
    Ok(draft)
}

pub(super) fn remove(shelf: &SqliteShelf<'_>, seq: i64) -> Result<()> {
    shelf.run("DELETE FROM attachments WHERE send_seq = ?1", [seq])?;
    shelf.run("DELETE FROM drafts WHERE seq = ?1", [seq])
}

fn corrupt(error: serde_json::Error) -> StoreError {
    StoreError::because(StoreErrorKind::Corrupt, error)
}
