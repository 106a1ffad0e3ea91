use std::collections::{HashSet, VecDeque};

use proptest::prelude::*;

use super::*;

/// What happens around a session.
#[derive(Debug, Clone)]
enum Step {
    /// So many events happen, which a replay that is on its way may have to make room for.
    Publish {
        events: usize,
        place: usize,
    },
    /// So many frames arrive.
    Arrive(usize),
    /// What arrived is recorded.
    Record,
    /// The recorder is behind when the next event arrives.
    Stall,
    /// The connection breaks; what is on its way is lost.
    Break,
    /// The service has forgotten where the client was.
    Forget,
    Pass {
        millis: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few = (1_usize..6, any::<usize>()).prop_map(|(events, place)| Step::Publish { events, place });
    let many = (90_usize..260, any::<usize>()).prop_map(|(events, place)| Step::Publish { events, place });
    let step = prop_oneof![
        8 => few,
        2 => many,
        10 => (1_usize..150).prop_map(Step::Arrive),
        6 => Just(Step::Record),
        1 => Just(Step::Stall),
        3 => Just(Step::Break),
        1 => Just(Step::Forget),
        8 => (0_u64..3_000).prop_map(|millis| Step::Pass { millis }),
    ];
    prop::collection::vec(step, 1..80)
}

/// A service that keeps all events and replays a hundred of what came after one, and a client that records.
struct Peers {
    play: Play,
    replays_newest: bool,
    published: usize,
    open: bool,
    subscribed: bool,
    /// Those that came since the subscribe are live, those before are replayed.
    live_from: usize,
    /// On their way to the client, in order.
    frames: VecDeque<ServerFrame>,
    forgetful: bool,
    stalling: bool,
    received: Vec<usize>,
    recorded: HashSet<usize>,
    /// All events before this one are found over REST.
    closed_up_to: usize,
}

impl Peers {
    fn new(replays_newest: bool) -> Self {
        Self {
            play: Play::new(None),
            replays_newest,
            published: 0,
            open: false,
            subscribed: false,
            live_from: 0,
            frames: VecDeque::new(),
            forgetful: false,
            stalling: false,
            received: Vec::new(),
            recorded: HashSet::new(),
            closed_up_to: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Publish { events, place } => (0..events).for_each(|_| self.publish(place)),
            Step::Arrive(count) => (0..count).for_each(|_| self.arrive()),
            Step::Record => self.record(),
            Step::Stall => self.stalling = true,
            Step::Break if self.open => {
                self.disconnect();
                self.put(Input::Closed(None));
            }
            Step::Break => {}
            Step::Forget => self.forgetful = true,
            Step::Pass { millis } => {
                self.play.now += Duration::from_millis(millis);
                self.put(Input::Tick);
            }
        }
    }

    fn publish(&mut self, place: usize) {
        let number = self.published;
        self.published += 1;
        if self.subscribed {
            // Nothing promises that a live event waits for the end of a replay, but it waits for those before it.
            let is_ahead = |frame: &ServerFrame| match frame {
                ServerFrame::Event { event_id: Some(id), .. } => self.live_from <= id_number(id),
                _ => true,
            };
            let first = self.frames.iter().rposition(is_ahead).map_or(0, |last| last + 1);
            let place = first + place % (self.frames.len() - first + 1);
            self.frames.insert(place, event(number));
        }
    }

    fn arrive(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.put(Input::Frame(frame));
        }
    }

    fn record(&mut self) {
        let Some(&last) = self.received.last() else { return };
        self.recorded.extend(self.received.drain(..));
        self.put(Input::Recorded(format!("evt_{last}").into()));
    }

    fn disconnect(&mut self) {
        (self.open, self.subscribed) = (false, false);
        self.frames.clear();
    }

    fn put(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for action in self.play.put(input) {
                inputs.extend(self.act(action));
            }
        }
    }

    fn act(&mut self, action: Action) -> Option<Input> {
        match action {
            Action::Dial => {
                self.open = true;
                return Some(Input::Connected);
            }
            Action::Send(_) if !self.open => {}
            Action::Send(ClientFrame::Subscribe(subscription)) => self.subscribe(subscription.last_event_id),
            Action::Send(ClientFrame::Ping) => self.frames.push_back(ServerFrame::Pong),
            Action::Ping => return Some(Input::PeerPong),
            Action::Deliver { event_id, .. } => {
                if std::mem::take(&mut self.stalling) {
                    return Some(Input::Stalled);
                }
                self.received.push(id_number(&event_id.unwrap()));
            }
            Action::Gap(_) => {
                assert!(self.subscribed, "what happens after the look must arrive");
                self.closed_up_to = self.published;
            }
            Action::Close => self.disconnect(),
            Action::State(_) | Action::Report(_) => {}
            Action::Stop(reason) => panic!("nobody refused the key: {reason}"),
        }
        None
    }

    fn subscribe(&mut self, cursor: Option<EventId>) {
        if cursor.is_some() && std::mem::take(&mut self.forgetful) {
            self.frames.push_back(error());
            return;
        }
        self.frames.push_back(subscribed(&[]));
        (self.subscribed, self.live_from) = (true, self.published);
        if let Some(cursor) = cursor {
            let missed: Vec<_> = (id_number(&cursor) + 1..self.published).collect();
            let skipped = if self.replays_newest { missed.len().saturating_sub(100) } else { 0 };
            self.frames.extend(missed.into_iter().skip(skipped).take(100).map(event));
        }
    }

    /// Lets everything go well until nothing more happens.
    fn settle(&mut self) {
        self.forgetful = false;
        for _ in 0..4_000 {
            self.step(Step::Arrive(self.frames.len()));
            self.record();
            if self.play.session.state() == SocketState::Live && self.frames.is_empty() {
                return;
            }
            self.step(Step::Pass { millis: 250 });
        }
        panic!("still {:?}", self.play.session.state());
    }
}

fn id_number(id: &EventId) -> usize {
    id.as_str().strip_prefix("evt_").unwrap().parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever breaks, and whichever end of what was missed is replayed: each event is recorded, or found by a look over REST
    /// that the session asked for after it had happened.
    #[test]
    fn each_event_arrives_or_is_looked_for(replays_newest: bool, steps in steps()) {
        let mut peers = Peers::new(replays_newest);
        peers.put(Input::Tick);
        steps.into_iter().for_each(|step| peers.step(step));
        peers.settle();
        let missed: Vec<_> =
            (peers.closed_up_to..peers.published).filter(|event| !peers.recorded.contains(event)).collect();
        prop_assert!(missed.is_empty(), "{missed:?}, looked for up to {}", peers.closed_up_to);
    }
}
