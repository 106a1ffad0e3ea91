use tokio_postgres::Row;

use crate::model::{Draft, IdempotencyKey, OutgoingAttachment};
use crate::store::NewSend;

use super::digest;
use super::pool::Tx;
use super::text::plain;
use super::trouble::Trouble;

const OWE: &str = "
    INSERT INTO sends (event_seq, key, key_id, inbox_id, pod_id, lane_id, handler, draft, state, finished_at, error, stopped, place)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11::text IS NOT NULL,
            1 + coalesce((SELECT max(before.place) FROM sends before
                          WHERE before.lane_id = $6 AND before.state IN ('owed', 'reserved')), 0))
    ON CONFLICT (key_id) DO NOTHING RETURNING seq";

/// Commits a send, unless its key is known.
pub(super) async fn owe(tx: &Tx<'_>, event_seq: i64, send: &NewSend, now: i64) -> Result<(), Trouble> {
    let mut draft = send.draft.clone();
    let files = std::mem::take(&mut draft.attachments);
    let json = serde_json::to_string(&draft).map_err(Trouble::corrupt)?;
    let key_id = digest::of_key(&send.key);
    let lane_id = draft.thread_id.as_ref().map(digest::of_thread);
    let inbox_id = plain(send.inbox_id.as_str());
    let (state, finished_at) = if send.stopped.is_some() { ("failed", Some(now)) } else { ("owed", None) };
    let rows = tx
        .query(
            OWE,
            &[
                &event_seq,
                &plain(send.key.as_str()),
                &&key_id[..],
                &inbox_id,
                &send.pod_id.as_ref().map(|pod| plain(pod.as_str())),
                &lane_id.as_ref().map(|id| &id[..]),
                &plain(&send.handler),
                &json,
                &state,
                &finished_at,
                &send.stopped.as_deref().map(plain),
            ],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(()) };
    put_files(tx, row.try_get(0)?, &files).await?;
    let inbox = "INSERT INTO inboxes (inbox_id) VALUES ($1) ON CONFLICT DO NOTHING";
    tx.execute(inbox, &[&inbox_id]).await?;
    Ok(())
}

async fn put_files(tx: &Tx<'_>, send_seq: i64, files: &[OutgoingAttachment]) -> Result<(), Trouble> {
    let insert = "INSERT INTO attachments (send_seq, place, filename, content_type, bytes) VALUES ($1, $2, $3, $4, $5)";
    tx.expect(files.iter().map(|file| file.bytes.len()).sum()).await?;
    for (place, file) in (0_i32..).zip(files) {
        let (name, kind) = (plain(&file.filename), plain(&file.content_type));
        tx.execute(insert, &[&send_seq, &place, &name, &kind, &&file.bytes[..]]).await?;
    }
    Ok(())
}

/// A send from a row of `key, inbox_id, pod_id, handler, draft` that begins at a column; `None` where its draft cannot be
/// read.
pub(super) async fn read(tx: &Tx<'_>, seq: i64, row: &Row, at: usize) -> Result<Option<NewSend>, Trouble> {
    let Ok(mut draft) = serde_json::from_str::<Draft>(row.try_get(at + 4)?) else { return Ok(None) };
    let files = "SELECT filename, content_type, bytes FROM attachments WHERE send_seq = $1 ORDER BY place";
    let files = tx.query(files, &[&seq]).await?;
    let file = |row: &Row| {
        Ok(OutgoingAttachment {
            filename: row.try_get(0)?,
            content_type: row.try_get(1)?,
            bytes: row.try_get::<_, Vec<u8>>(2)?.into(),
        })
    };
    draft.attachments = files.iter().map(file).collect::<Result<_, Trouble>>()?;
    Ok(Some(NewSend {
        key: IdempotencyKey::new(row.try_get::<_, String>(at)?),
        inbox_id: row.try_get::<_, String>(at + 1)?.into(),
        pod_id: row.try_get::<_, Option<String>>(at + 2)?.map(Into::into),
        handler: row.try_get(at + 3)?,
        draft,
        stopped: None,
    }))
}
