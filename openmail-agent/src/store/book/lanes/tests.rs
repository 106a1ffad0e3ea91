use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::store::Lane as LaneName;

/// The same decisions, made by looking at everything.
#[derive(Debug, Default)]
struct Model {
    items: BTreeMap<(Digest, Rank), (i64, u32)>,
    busy: BTreeMap<Digest, (Rank, u32)>,
    blocked: BTreeMap<u32, i64>,
    now: i64,
}

#[derive(Debug, Clone)]
enum Step {
    Insert {
        lane: u8,
        group: u32,
        at: i64,
        due: i64,
    },
    Pass(i64),
    Take,
    /// What a process had taken before it ended, which need not be the oldest by now.
    Restore(usize),
    Block {
        group: u32,
        until: i64,
    },
    Done(usize),
    Retry {
        nth: usize,
        due: i64,
    },
    Expire(usize),
}

impl Model {
    fn heads(&self) -> impl Iterator<Item = (Digest, Rank, i64, u32)> {
        let mut seen = BTreeSet::new();
        self.items
            .iter()
            .map(|((lane, rank), (due, group))| (*lane, *rank, *due, *group))
            .filter(move |(lane, ..)| seen.insert(*lane))
            .filter(|(lane, ..)| !self.busy.contains_key(lane))
    }

    fn ready(&self) -> Vec<(Digest, Rank, u32)> {
        let free = |group| self.blocked.get(&group).is_none_or(|until| *until <= self.now);
        let ready = self.heads().filter(|(_, _, due, group)| *due <= self.now && free(*group));
        ready.map(|(lane, rank, _, group)| (lane, rank, group)).collect()
    }

    fn next_due(&self, groups: &[u32]) -> Option<i64> {
        let heads = self.heads().map(|(_, _, due, group)| (group, due));
        let blocked = self.blocked.iter().map(|(group, until)| (*group, *until));
        let dues = heads.chain(blocked).filter(|(group, _)| groups.contains(group)).map(|(_, due)| due);
        dues.filter(|due| *due > self.now).min()
    }

    fn least_loaded(&self, groups: &[u32]) -> Option<u32> {
        let ready = self.ready().into_iter().filter(|(_, _, group)| groups.contains(group));
        ready.map(|(_, _, group)| self.load(group)).min()
    }

    fn load(&self, group: u32) -> u32 {
        self.busy.values().filter(|(_, of)| *of == group).count().try_into().unwrap()
    }

    fn nth_free(&self, nth: usize) -> Option<(Digest, Rank, u32)> {
        let free: Vec<_> = self.items.iter().filter(|((lane, _), _)| !self.busy.contains_key(lane)).collect();
        let ((lane, rank), (_, group)) = free.get(nth % free.len().max(1))?;
        Some((*lane, *rank, *group))
    }

    fn nth_busy(&self, nth: usize) -> Option<(Digest, Rank, u32)> {
        let (lane, (rank, group)) = self.busy.iter().nth(nth % self.busy.len().max(1))?;
        Some((*lane, *rank, *group))
    }
}

fn lane(n: u8) -> Digest {
    Digest::lane(&LaneName(n.to_string().into()))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let time = 0_i64..60;
    let step = prop_oneof![
        4 => (0_u8..8, 0_u32..3, time.clone(), time.clone())
            .prop_map(|(lane, group, at, due)| Step::Insert { lane, group, at, due }),
        3 => (1_i64..6).prop_map(Step::Pass),
        1 => (-20_i64..0).prop_map(Step::Pass),
        5 => Just(Step::Take),
        1 => (0_usize..80).prop_map(Step::Restore),
        1 => (0_u32..3, time.clone()).prop_map(|(group, until)| Step::Block { group, until }),
        3 => (0_usize..8).prop_map(Step::Done),
        2 => (0_usize..8, time).prop_map(|(nth, due)| Step::Retry { nth, due }),
        1 => (0_usize..8).prop_map(Step::Expire),
    ];
    prop::collection::vec(step, 1..80)
}

fn apply(step: Step, seq: i64, lanes: &mut Lanes, model: &mut Model) {
    match step {
        Step::Insert { lane: n, group, at, due } => {
            lanes.insert(lane(n), (at, seq), group, due);
            model.items.insert((lane(n), (at, seq)), (due, group));
        }
        Step::Pass(by) => {
            model.now += by;
            lanes.set_time(model.now);
            model.blocked.retain(|_, until| *until > model.now);
        }
        Step::Take => take(lanes, model),
        Step::Restore(nth) => {
            if let Some((lane, rank, group)) = model.nth_free(nth) {
                lanes.occupy(lane, group);
                model.busy.insert(lane, (rank, group));
            }
        }
        Step::Block { group, until } if until > model.now && (group as usize) < lanes.groups.len() => {
            lanes.block(group, until);
            model.blocked.insert(group, until);
        }
        Step::Block { .. } => {}
        Step::Done(nth) => end(nth, lanes, model, |lanes, model, lane, rank| {
            lanes.remove(lane, rank);
            model.items.remove(&(lane, rank));
        }),
        Step::Retry { nth, due } => end(nth, lanes, model, |lanes, model, lane, rank| {
            lanes.postpone(lane, rank, due);
            model.items.get_mut(&(lane, rank)).unwrap().0 = due;
        }),
        Step::Expire(nth) => end(nth, lanes, model, |_, _, _, _| {}),
    }
}

fn take(lanes: &mut Lanes, model: &mut Model) {
    let ready = model.ready();
    let Some(turn) = lanes.turn() else {
        assert!(ready.is_empty(), "nobody's turn, and these are ready: {ready:?}");
        return;
    };
    assert_eq!(turn.load, model.load(turn.group));
    let least = ready.iter().map(|(_, _, group)| model.load(*group)).min().unwrap();
    assert_eq!(turn.load, least, "the least loaded has its turn first");
    let oldest = ready.iter().filter(|(_, _, group)| *group == turn.group).map(|(_, rank, _)| *rank).min();
    let (lane, rank) = lanes.take(turn.group).unwrap();
    assert!(ready.contains(&(lane, rank, turn.group)));
    assert_eq!(Some(rank), oldest);
    model.busy.insert(lane, (rank, turn.group));
}

fn end(
    nth: usize,
    lanes: &mut Lanes,
    model: &mut Model,
    change: impl FnOnce(&mut Lanes, &mut Model, Digest, Rank),
) {
    if let Some((lane, rank, group)) = model.nth_busy(nth) {
        change(lanes, model, lane, rank);
        lanes.release(lane, group);
        model.busy.remove(&lane);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_decides_as_if_it_looked_at_everything(steps in steps()) {
        let (mut lanes, mut model) = (Lanes::default(), Model::default());
        lanes.set_time(0);
        for (seq, step) in steps.into_iter().enumerate() {
            apply(step, i64::try_from(seq).unwrap(), &mut lanes, &mut model);
            prop_assert_eq!(lanes.next_due(), model.next_due(&[0, 1, 2]));
            prop_assert_eq!(lanes.turn().is_some(), !model.ready().is_empty());
            for some in [&[0][..], &[1], &[0, 2]] {
                let turn = lanes.turn_among(some);
                prop_assert!(turn.is_none_or(|turn| some.contains(&turn.group)));
                prop_assert_eq!(turn.map(|turn| turn.load), model.least_loaded(some));
                prop_assert_eq!(lanes.next_due_among(some), model.next_due(some));
            }
        }
        prop_assert!(lanes.lanes.len() <= model.items.len(), "an empty lane is forgotten");
    }

    /// A flood in some groups does not keep another's from its turn, as long as what was taken is finished in its time.
    #[test]
    fn whoever_is_ready_has_its_turn_however_much_others_bring(
        places in 1_usize..12,
        groups in 2_u32..6,
        flood in prop::collection::vec(1_u8..5, 40..120),
    ) {
        let (mut lanes, mut running, mut seq) = (Lanes::default(), VecDeque::new(), 0);
        let mut waiting: HashMap<i64, usize> = HashMap::new();
        for (moment, each) in flood.into_iter().enumerate() {
            // The last group brings a mail now and then, the others more than can ever be handled.
            let modest = (moment % 7 == 0).then_some(groups - 1);
            let flooding = (0..groups - 1).flat_map(|group| std::iter::repeat_n(group, each.into()));
            for group in flooding.chain(modest) {
                seq += 1;
                lanes.insert(Digest::send_lane(None, seq), (seq, seq), group, AT_ONCE);
                if group == groups - 1 {
                    waiting.insert(seq, 0);
                }
            }
            if running.len() == places {
                let (lane, rank, group) = running.pop_front().unwrap();
                lanes.remove(lane, rank);
                lanes.release(lane, group);
            }
            let turn = lanes.turn().unwrap();
            let (lane, rank) = lanes.take(turn.group).unwrap();
            running.push_back((lane, rank, turn.group));
            waiting.remove(&rank.1);
            let most = places + groups as usize;
            for takes in waiting.values_mut() {
                *takes += 1;
                prop_assert!(*takes <= 2 * most, "{takes} others were taken, with {places} places");
            }
        }
    }

    #[test]
    fn groups_take_turns(loads in prop::collection::vec(1_u8..20, 2..6)) {
        let mut lanes = Lanes::default();
        for (group, count) in loads.iter().enumerate() {
            for n in 0..*count {
                let seq = (group * 100 + usize::from(n)) as i64;
                lanes.insert(Digest::send_lane(None, seq), (0, seq), group as u32, AT_ONCE);
            }
        }
        let mut taken = vec![0_u8; loads.len()];
        while let Some(turn) = lanes.turn() {
            lanes.take(turn.group).unwrap();
            taken[turn.group as usize] += 1;
            let behind = taken.iter().zip(&loads).filter(|(taken, load)| taken < load).map(|(taken, _)| *taken).min();
            let ahead = *taken.iter().max().unwrap();
            prop_assert!(behind.is_none_or(|behind| ahead <= behind + 1), "{taken:?}");
        }
        prop_assert_eq!(taken, loads);
    }
}

#[test]
fn an_inbox_keeps_its_turn_while_more_mail_comes_for_it() {
    let (mut lanes, mut seq, mut taken) = (Lanes::default(), 0, Vec::new());
    let mut bring = |lanes: &mut Lanes, group| {
        seq += 1;
        lanes.insert(Digest::send_lane(None, seq), (seq, seq), group, AT_ONCE);
    };
    (0..10).for_each(|_| bring(&mut lanes, 0));
    for _ in 0..6 {
        bring(&mut lanes, 1);
        let turn = lanes.turn().unwrap();
        let (lane, rank) = lanes.take(turn.group).unwrap();
        lanes.remove(lane, rank);
        lanes.release(lane, turn.group);
        taken.push(turn.group);
    }
    assert_eq!(taken, [0, 1, 0, 1, 0, 1]);
}

#[test]
fn what_a_clock_that_ran_ahead_had_wait_waits_no_longer_once_it_is_set_right() {
    let mut lanes = Lanes::default();
    let lane = Digest::lane(&LaneName("a".into()));
    lanes.set_time(7_200_000);
    lanes.insert(lane, (0, 1), 0, 7_210_000);
    lanes.set_time(7_200_000 - APART);
    assert_eq!(lanes.next_due(), Some(7_210_000), "two clocks may differ by so much");
    lanes.set_time(7_200_000);
    lanes.insert(Digest::lane(&LaneName("was due".into())), (0, 2), 1, 7_100_000);
    assert!(lanes.set_time(0));
    assert_eq!((lanes.turn().map(|turn| turn.group), lanes.next_due()), (Some(1), Some(10_000)));
    lanes.take(1);
    lanes.set_time(10_000);
    assert_eq!(lanes.turn().map(|turn| turn.group), Some(0));
}
