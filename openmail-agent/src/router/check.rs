use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::handler::{PayloadKind, States};
use crate::model::EventKind;

use super::entry::Entry;
use super::inboxes::{Key, KnownInboxes};
use super::problem::StartProblem;
use super::route::Route;
use super::table::{Kind, Rank, Router};

/// Finds out whether there are handlers at all, and whether each has its own name.
pub(super) fn names(routes: &[Route], problems: &mut Vec<StartProblem>) {
    if routes.is_empty() {
        problems.push(StartProblem::NoHandlers);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    routes.iter().for_each(|route| *counts.entry(&route.name).or_default() += 1);
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    problems.extend(twice.map(|(name, _)| StartProblem::DuplicateName { handler: name.to_owned() }));
}

/// Finds what is wrong with a route by itself.
pub(super) fn route(route: &Route, states: &States, problems: &mut Vec<StartProblem>) {
    let handler = || route.name.clone();
    let mut asked = HashSet::new();
    for need in route.needs.states() {
        if !states.contains(need.type_id) && asked.insert(need.type_id) {
            problems.push(StartProblem::MissingState { handler: handler(), type_name: need.type_name });
        }
    }
    for kind in route.kinds() {
        event(route, kind, problems);
    }
    if route.fallback && route.is_filtered() {
        problems.push(StartProblem::FilteredFallback { handler: handler() });
    }
    if route.timeout.is_zero() {
        problems.push(StartProblem::ZeroTimeout { handler: handler() });
    }
    if route.concurrency == Some(0) {
        problems.push(StartProblem::ZeroConcurrency { handler: handler() });
    }
}

fn event(route: &Route, kind: &EventKind, problems: &mut Vec<StartProblem>) {
    let (handler, kind_of) = (route.name.clone(), kind.clone());
    let meant = meant(kind);
    if meant.is_some() || !is_well_formed(kind.as_str()) {
        problems.push(StartProblem::MalformedEvent { handler, kind: kind_of, meant });
        return;
    }
    let mut wrong: Vec<PayloadKind> = Vec::new();
    for payload in route.needs.payloads() {
        if !payload.comes_with(kind) && !wrong.contains(payload) {
            wrong.push(*payload);
        }
    }
    problems.extend(wrong.into_iter().map(|payload| StartProblem::WrongPayload {
        handler: handler.clone(),
        payload,
        kind: kind.clone(),
    }));
    if route.is_filtered() && *kind != EventKind::MESSAGE_RECEIVED {
        problems.push(StartProblem::FilterWithoutMail { handler: handler.clone(), kind: kind.clone() });
    }
    let of_one_inbox = !route.inboxes.is_empty() || !route.external_ids.is_empty();
    if of_one_inbox && kind.as_str().starts_with("pod.") {
        problems.push(StartProblem::PodEventAtInbox { handler, kind: kind.clone() });
    }
}

/// Words in lower case with full stops between them, two at least.
fn is_well_formed(kind: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let is_word = |word: &str| !word.is_empty() && word.chars().all(is_part);
    kind.split('.').count() >= 2 && kind.split('.').all(is_word)
}

/// The known kind that a slip of the pen made this of.
fn meant(kind: &EventKind) -> Option<EventKind> {
    const SLIP: usize = 2;
    let near = |known: &EventKind| strsim::damerau_levenshtein(known.as_str(), kind.as_str()) <= SLIP;
    EventKind::KNOWN.into_iter().find(near).filter(|_| !EventKind::KNOWN.contains(kind))
}

/// Finds handlers that want the same, and handlers that never get anything.
pub(super) fn precedence(router: &Router, known: &KnownInboxes<'_>, problems: &mut Vec<StartProblem>) {
    let mut overlapping = BTreeSet::new();
    for ((first, second), kind) in overlaps(router) {
        overlapping.insert(second);
        let name = |rank: Rank| router.ranked()[rank as usize].name().to_string();
        problems.push(StartProblem::Overlap { first: name(first), second: name(second), kind });
    }
    for (rank, entry) in (0..).zip(router.ranked()) {
        if overlapping.contains(&rank) {
            continue;
        }
        if let Some(covered_by) = covered_by(router, known, rank, entry) {
            let covered_by = router.ranked()[covered_by as usize].name().to_string();
            problems.push(StartProblem::Unreachable { handler: entry.name().to_string(), covered_by });
        }
    }
}

/// Each pair that wants the same of the same inbox, pod or of all, with one kind for which it does.
fn overlaps(router: &Router) -> BTreeMap<(Rank, Rank), EventKind> {
    let mut found = BTreeMap::new();
    let kinds: BTreeSet<_> = router.ranked().iter().flat_map(|entry| &entry.kinds).collect();
    for kind in kinds {
        let Some(table) = router.kind(kind) else { continue };
        for list in table.regular.lists().chain(table.fallback.lists()) {
            for (at, &first) in list.iter().enumerate() {
                let filters = &router.ranked()[first as usize].filters;
                let same = |second: &&Rank| {
                    let others = &router.ranked()[**second as usize].filters;
                    filters.cover(others) && others.cover(filters)
                };
                for &second in list[at + 1..].iter().filter(same) {
                    found.entry((first, second)).or_insert_with(|| kind.clone());
                }
            }
        }
    }
    found
}

/// Who takes everything before this handler is asked; of several, the one that takes the first of it.
fn covered_by(router: &Router, known: &KnownInboxes<'_>, rank: Rank, entry: &Entry) -> Option<Rank> {
    let mut first = None;
    for kind in &entry.kinds {
        let table = router.kind(kind)?;
        for key in &entry.keys {
            let covers = |by: &Rank| router.ranked()[*by as usize].filters.cover(&entry.filters);
            let by = earlier(table, known, (rank, entry), key).into_iter().find(covers)?;
            first.get_or_insert(by);
        }
    }
    first
}

/// The handlers that are asked before this one wherever the key holds.
fn earlier(table: &Kind, known: &KnownInboxes<'_>, (rank, entry): (Rank, &Entry), key: &Key) -> Vec<Rank> {
    let before = |list: &[Rank]| list.iter().copied().filter(|other| *other < rank).collect();
    if !entry.fallback {
        return before(table.regular.list(key));
    }
    // A fallback gives way to every other handler, however wide.
    let pod = match key {
        Key::Inbox(id) => known.pod_of(id),
        _ => None,
    };
    let pod = pod.map_or(&[][..], |pod| table.regular.list(&Key::Pod(pod.clone())));
    let mut earlier: Vec<Rank> = before(table.fallback.list(key));
    for list in [table.regular.list(key), pod, table.regular.list(&Key::Any)] {
        earlier.extend(list);
    }
    earlier
}
