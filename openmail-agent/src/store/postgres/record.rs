use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::{InboxId, MessageId};
use crate::store::book::floor_ms;
use crate::store::{Bookmark, EventSeq, NewEvent, Recorded};

use super::batch::Shared;
use super::digest::{self, Digest};
use super::pool::{Params, Tx};
use super::text::plain;
use super::trouble::Trouble;

/// Keeps events, and moves a bookmark with them.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) events: Vec<Arc<NewEvent>>,
    pub(super) bookmark: Option<Bookmark>,
}

#[async_trait]
impl Shared for Record {
    type Answer = Vec<Recorded>;

    fn size(&self) -> usize {
        1 + self.events.len()
    }

    async fn run_all(calls: &[Self], tx: &Tx<'_>) -> Result<Vec<Option<Vec<Recorded>>>, Trouble> {
        let events: Vec<_> = calls.iter().flat_map(|call| &call.events).map(|event| &**event).collect();
        let mut verdicts = record(tx, &events).await?.into_iter();
        put_bookmarks(tx, calls.iter().filter_map(|call| call.bookmark.as_ref())).await?;
        Ok(calls.iter().map(|call| Some(verdicts.by_ref().take(call.events.len()).collect())).collect())
    }
}

/// Keeps what is news, within a transaction.
pub(super) async fn record(tx: &Tx<'_>, events: &[&NewEvent]) -> Result<Vec<Recorded>, Trouble> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut plan = Plan::new(tx, events).await?;
    let verdicts = events.iter().map(|event| plan.judge(event)).collect::<Result<_, _>>()?;
    tx.expect(plan.news.iter().map(|(_, event)| event.body.len()).sum()).await?;
    plan.insert(tx).await?;
    Ok(verdicts)
}

/// What is to be written for some events.
struct Plan<'e> {
    known: HashMap<Digest, i64>,
    seqs: std::vec::IntoIter<i64>,
    news: Vec<(i64, &'e NewEvent)>,
    names: Vec<(Digest, i64)>,
}

impl<'e> Plan<'e> {
    async fn new(tx: &Tx<'_>, events: &[&NewEvent]) -> Result<Self, Trouble> {
        let names: Vec<Digest> =
            events.iter().flat_map(|event| [Some(id_of(event)), mail_of(event)]).flatten().collect();
        let names: Vec<&[u8]> = names.iter().map(|name| &name[..]).collect();
        let count = events.len() as i64;
        let (names, count): (Params<'_>, Params<'_>) = (&[&names], &[&count]);
        let (known, seqs) = tokio::try_join!(
            biased;
            tx.query("SELECT name, seq FROM event_names WHERE name = ANY($1)", names),
            tx.query("SELECT nextval('event_seqs') FROM generate_series(1::bigint, $1::bigint)", count),
        )?;
        let known = known.iter().map(|row| Ok((name(row.try_get(0)?)?, row.try_get(1)?)));
        let seqs = seqs.iter().map(|row| Ok(row.try_get(0)?));
        let mut seqs: Vec<i64> = seqs.collect::<Result<_, Trouble>>()?;
        // Numbers are the order of arrival, in whichever order they were made.
        seqs.sort_unstable();
        Ok(Self {
            known: known.collect::<Result<_, Trouble>>()?,
            seqs: seqs.into_iter(),
            news: Vec::new(),
            names: Vec::new(),
        })
    }

    fn judge(&mut self, event: &'e NewEvent) -> Result<Recorded, Trouble> {
        let (id, mail) = (id_of(event), mail_of(event));
        if self.known.contains_key(&id) {
            return Ok(Recorded::Known);
        }
        if let Some(&seq) = mail.and_then(|mail| self.known.get(&mail)) {
            self.learn(id, seq);
            return Ok(Recorded::Known);
        }
        // To call it known for want of a number would acknowledge what nobody has.
        let seq = self.seqs.next().ok_or(Trouble::Overtaken)?;
        self.learn(id, seq);
        mail.into_iter().for_each(|mail| self.learn(mail, seq));
        self.news.push((seq, event));
        Ok(Recorded::New(EventSeq(seq)))
    }

    fn learn(&mut self, name: Digest, seq: i64) {
        self.known.insert(name, seq);
        self.names.push((name, seq));
    }

    async fn insert(mut self, tx: &Tx<'_>) -> Result<(), Trouble> {
        if self.names.is_empty() {
            return Ok(());
        }
        // In one order everywhere, so that two recorders of the same mails wait for one another in one direction.
        self.names.sort_unstable();
        let (names, seqs): (Vec<&[u8]>, Vec<i64>) =
            self.names.iter().map(|(name, seq)| (&name[..], *seq)).unzip();
        insert_events(tx, &self.news).await?;
        let inserted = tx
            .execute(
                "INSERT INTO event_names (name, seq)
                 SELECT name, seq FROM unnest($1::bytea[], $2::bigint[]) AS fresh (name, seq) ORDER BY name
                 ON CONFLICT DO NOTHING",
                &[&names, &seqs],
            )
            .await?;
        // Somebody recorded one of them since it was looked up.
        if inserted == names.len() as u64 { Ok(()) } else { Err(Trouble::Overtaken) }
    }
}

async fn insert_events(tx: &Tx<'_>, news: &[(i64, &NewEvent)]) -> Result<(), Trouble> {
    if news.is_empty() {
        return Ok(());
    }
    fn column<'e, T>(news: &[(i64, &'e NewEvent)], read: impl Fn(&'e NewEvent) -> T) -> Vec<T> {
        news.iter().map(|(_, event)| read(event)).collect()
    }
    let seqs: Vec<i64> = news.iter().map(|(seq, _)| *seq).collect();
    let event_ids = column(news, |event| plain(event.event_id.as_str()));
    let message_ids = column(news, |event| event.message_id.as_ref().map(|id| plain(MessageId::as_str(id))));
    let inbox_ids = column(news, |event| plain(event.inbox_id.as_ref().map_or("", InboxId::as_str)));
    let lanes = column(news, |event| plain(&event.lane.0));
    let lane_ids = column(news, |event| digest::of_lane(&event.lane));
    let lane_ids: Vec<&[u8]> = lane_ids.iter().map(|id| &id[..]).collect();
    let kinds = column(news, |event| plain(event.kind.as_str()));
    let occurred = column(news, |event| floor_ms(event.occurred_at));
    let received = column(news, |event| floor_ms(event.received_at));
    let bodies = column(news, |event| &event.body[..]);
    let reasons = column(news, |event| event.parked.as_deref().map(plain));
    tx.execute(
        "INSERT INTO events (seq, event_id, message_id, inbox_id, lane, lane_id, kind, occurred_at, received_at, body,
                             error, state, finished_at)
         SELECT seq, event_id, message_id, inbox_id, lane, lane_id, kind, occurred_at, received_at, body, reason,
                CASE WHEN reason IS NULL THEN 'waiting' ELSE 'parked' END,
                CASE WHEN reason IS NULL THEN NULL ELSE received_at END
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::bigint[],
                     $9::bigint[], $10::bytea[], $11::text[])
              AS fresh (seq, event_id, message_id, inbox_id, lane, lane_id, kind, occurred_at, received_at, body, reason)",
        &[
            &seqs, &event_ids, &message_ids, &inbox_ids, &lanes, &lane_ids, &kinds, &occurred, &received, &bodies,
            &reasons,
        ],
    )
    .await?;
    Ok(())
}

async fn put_bookmarks<'b>(
    tx: &Tx<'_>,
    bookmarks: impl Iterator<Item = &'b Bookmark> + Send,
) -> Result<(), Trouble> {
    // The last word on each, in one order everywhere.
    let latest: BTreeMap<_, _> =
        bookmarks.map(|bookmark| (plain(&bookmark.name), plain(&bookmark.value))).collect();
    if latest.is_empty() {
        return Ok(());
    }
    let (names, values): (Vec<_>, Vec<_>) = latest.into_iter().unzip();
    tx.execute(
        "INSERT INTO bookmarks (name, value)
         SELECT name, value FROM unnest($1::text[], $2::text[]) AS moved (name, value) ORDER BY name
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[&names, &values],
    )
    .await?;
    Ok(())
}

fn id_of(event: &NewEvent) -> Digest {
    digest::of_event(&event.event_id)
}

fn mail_of(event: &NewEvent) -> Option<Digest> {
    event.message_id.as_ref().map(digest::of_message)
}

fn name(bytes: &[u8]) -> Result<Digest, Trouble> {
    bytes.try_into().map_err(Trouble::corrupt)
}
