mod any_order;
mod nothing_missed;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::budget::{MESSAGES, WINDOW};
use super::*;
use crate::model::EventId;
use crate::transport::GapReason;
use crate::transport::websocket::{Degradation, SocketState, StopReason};
use crate::wire::frame::{ClientFrame, ServerFrame, Subscription};

/// A session, and the time on its clock.
struct Play {
    session: Session,
    now: Instant,
}

impl Play {
    fn new(cursor: Option<&str>) -> Self {
        let now = Instant::now();
        let session = Session::new(None, cursor.map(EventId::from), now).with_longest_waits();
        Self { session, now }
    }

    /// Dialled, open, and subscribed as far as the client can.
    fn open(cursor: Option<&str>) -> Self {
        let mut play = Self::new(cursor);
        assert_eq!(play.tick(), [Action::Dial]);
        assert_eq!(play.put(Input::Connected), [subscribe(cursor)]);
        play
    }

    fn live() -> Self {
        let mut play = Self::open(None);
        let actions = play.put(Input::Frame(subscribed(&[])));
        assert_eq!(actions, [Action::Gap(GapReason::NoCursor), Action::State(SocketState::Live)]);
        play
    }

    fn put(&mut self, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        self.session.handle(input, self.now, &mut actions);
        actions
    }

    fn frame(&mut self, frame: ServerFrame) -> Vec<Action> {
        self.put(Input::Frame(frame))
    }

    fn tick(&mut self) -> Vec<Action> {
        self.put(Input::Tick)
    }

    fn wait(&mut self, seconds: u64) -> Vec<Action> {
        self.now += Duration::from_secs(seconds);
        self.tick()
    }

    /// Lets the time come that the session itself waits for.
    fn wait_for_deadline(&mut self) -> (Duration, Vec<Action>) {
        let deadline = self.session.next_deadline().unwrap();
        let waited = deadline.saturating_duration_since(self.now);
        self.now += waited;
        (waited, self.tick())
    }

    /// Plays time forward, the service answering pings, and gathers what is done.
    fn live_on(&mut self, seconds: u64) -> Vec<Action> {
        let end = self.now + Duration::from_secs(seconds);
        let mut done = Vec::new();
        while self.session.next_deadline().unwrap() <= end {
            let (_, actions) = self.wait_for_deadline();
            for action in &actions {
                match action {
                    Action::Ping => done.extend(self.put(Input::PeerPong)),
                    Action::Send(ClientFrame::Subscribe(_)) => done.extend(self.frame(subscribed(&[]))),
                    Action::Send(ClientFrame::Ping) => done.extend(self.frame(ServerFrame::Pong)),
                    _ => {}
                }
            }
            done.extend(actions);
        }
        self.now = end;
        done
    }

    fn replay(&mut self, ids: std::ops::Range<usize>) {
        for n in ids {
            assert!(matches!(self.frame(event(n))[0], Action::Deliver { .. }));
        }
    }
}

fn subscribe(cursor: Option<&str>) -> Action {
    let last_event_id = cursor.map(EventId::from);
    Action::Send(ClientFrame::Subscribe(Subscription { last_event_id, ..Subscription::default() }))
}

fn subscribed(inboxes: &[&str]) -> ServerFrame {
    ServerFrame::Subscribed { inbox_ids: inboxes.iter().map(|&id| id.into()).collect() }
}

fn event(n: usize) -> ServerFrame {
    let event_id = Some(format!("evt_{n}").into());
    ServerFrame::Event { body: Bytes::from_static(b"{}"), event_id, envelope: None }
}

fn error() -> ServerFrame {
    ServerFrame::Error { message: "no".into() }
}

fn degraded(why: Degradation) -> Action {
    Action::State(SocketState::Degraded(why))
}

#[test]
fn an_open_socket_is_not_ready_before_the_subscription_is_confirmed() {
    let mut play = Play::open(None);
    assert_eq!(play.session.state(), SocketState::Connecting);
    assert!(matches!(play.frame(event(1))[..], [Action::Deliver { .. }]), "events are taken all the same");
    assert!(!play.session.state().is_ready());
    play.frame(subscribed(&[]));
    assert_eq!(play.session.state(), SocketState::Live);
}

#[test]
fn an_unconfirmed_subscription_is_given_up_after_ten_seconds() {
    let mut play = Play::open(None);
    assert_eq!(play.wait(9), []);
    assert_eq!(play.wait(1), [Action::Close, degraded(Degradation::Deaf)]);
    assert_eq!(play.wait_for_deadline(), (Duration::from_secs(1), vec![Action::Dial]));
}

#[test]
fn a_short_replay_ends_with_the_answered_ping_and_a_quiet_moment() {
    let mut play = Play::open(Some("evt_0"));
    let actions = play.frame(subscribed(&[]));
    assert_eq!(actions, [Action::Send(ClientFrame::Ping), Action::State(SocketState::Subscribed)]);
    play.replay(1..4);
    assert_eq!(play.session.state(), SocketState::Replaying);
    assert_eq!(play.frame(ServerFrame::Pong), []);
    play.replay(4..5);
    let (waited, actions) = play.wait_for_deadline();
    assert_eq!(waited, Duration::from_millis(250));
    assert_eq!(
        actions,
        [Action::State(SocketState::Live)],
        "nothing is suspected and nothing is asked again"
    );
}

#[test]
fn a_full_page_is_followed_by_the_next_and_a_suspicion() {
    let mut play = Play::open(Some("evt_0"));
    play.replay(1..60);
    play.frame(subscribed(&[]));
    play.replay(60..101);
    play.frame(ServerFrame::Pong);
    let (_, actions) = play.wait_for_deadline();
    assert_eq!(actions, [Action::Gap(GapReason::ReplayFull), subscribe(Some("evt_100"))]);
    assert_eq!(play.session.state(), SocketState::Replaying);
    play.frame(subscribed(&[]));
    play.frame(ServerFrame::Pong);
    assert_eq!(play.wait_for_deadline().1, [Action::State(SocketState::Live)]);
}

#[test]
fn a_replay_that_gets_nowhere_is_not_asked_again() {
    let mut play = Play::open(Some("evt_7"));
    play.frame(subscribed(&[]));
    for _ in 0..100 {
        play.frame(event(7));
    }
    play.frame(ServerFrame::Pong);
    let (_, actions) = play.wait_for_deadline();
    assert_eq!(actions, [Action::Gap(GapReason::ReplayFull), Action::State(SocketState::Live)]);
}

#[test]
fn a_stream_of_live_events_does_not_hold_up_the_end_of_a_page() {
    let mut play = Play::open(Some("evt_0"));
    play.frame(subscribed(&[]));
    play.frame(ServerFrame::Pong);
    for n in 1..60 {
        play.now += Duration::from_millis(100);
        play.frame(event(n));
    }
    assert_eq!(play.session.state(), SocketState::Live);
}

#[test]
fn a_page_whose_end_is_not_marked_is_suspicious() {
    let mut play = Play::open(Some("evt_0"));
    play.frame(subscribed(&[]));
    let actions = play.wait(10);
    assert_eq!(actions, [Action::Gap(GapReason::ReplayUnfinished), Action::State(SocketState::Live)]);
}

#[test]
fn an_error_amid_a_replay_ends_it_and_is_suspicious() {
    let unfinished = [Action::Gap(GapReason::ReplayUnfinished), Action::State(SocketState::Live)];
    for frames in [&[error()][..], &[error(), ServerFrame::Pong], &[ServerFrame::Pong, error()]] {
        let mut play = Play::open(Some("evt_gone"));
        play.frame(subscribed(&[]));
        for frame in frames {
            let reported = play.frame(frame.clone());
            assert!(matches!(reported[..], [] | [Action::Report(_)]), "{reported:?}");
        }
        let (waited, actions) = play.wait_for_deadline();
        assert_eq!(actions, unfinished, "whether the cursor was refused or the ping, nobody can tell");
        assert!(waited < Duration::from_secs(1), "{waited:?}");
    }
}

#[test]
fn a_refused_cursor_is_dropped_and_the_gap_is_reported_once_subscribed() {
    let mut play = Play::open(Some("evt_gone"));
    assert_eq!(play.frame(error()), [Action::Report("no".into()), subscribe(None)]);
    let actions = play.frame(subscribed(&[]));
    assert_eq!(actions, [Action::Gap(GapReason::CursorRefused), Action::State(SocketState::Live)]);
}

#[test]
fn a_refused_cursor_is_not_offered_again() {
    let mut play = Play::open(Some("evt_gone"));
    play.frame(error());
    play.put(Input::Closed(Some(1001)));
    play.wait_for_deadline();
    assert_eq!(play.put(Input::Connected), [subscribe(None)]);
    let actions = play.frame(subscribed(&[]));
    assert_eq!(actions[0], Action::Gap(GapReason::CursorRefused), "the suspicion outlives the connection");
}

#[test]
fn a_connection_lost_amid_a_replay_leaves_a_suspicion() {
    let mut play = Play::open(Some("evt_0"));
    play.frame(subscribed(&[]));
    play.replay(1..3);
    play.put(Input::Recorded("evt_2".into()));
    assert_eq!(play.put(Input::Closed(None)), [Action::Close, degraded(Degradation::Lost(None))]);
    play.wait_for_deadline();
    assert_eq!(play.put(Input::Connected), [subscribe(Some("evt_2"))]);
    assert_eq!(play.frame(subscribed(&[]))[0], Action::Gap(GapReason::ReplayUnfinished));
}

#[test]
fn what_was_recorded_last_is_where_the_next_connection_resumes() {
    let mut play = Play::live();
    play.frame(event(1));
    play.frame(event(2));
    play.put(Input::Recorded("evt_1".into()));
    play.put(Input::Closed(Some(1001)));
    play.wait_for_deadline();
    assert_eq!(play.put(Input::Connected), [subscribe(Some("evt_1"))], "evt_2 is not in the store");
}

#[test]
fn an_oversized_event_is_left_to_rest() {
    let mut play = Play::open(Some("evt_0"));
    assert_eq!(play.put(Input::Oversized), [Action::Close, degraded(Degradation::Oversized)]);
    play.wait_for_deadline();
    assert_eq!(play.put(Input::Connected), [subscribe(None)]);
    assert_eq!(play.frame(subscribed(&[]))[0], Action::Gap(GapReason::Oversized));
}

#[test]
fn a_refused_subscription_is_never_live() {
    let mut play = Play::open(None);
    assert_eq!(play.frame(error()), [Action::Report("no".into()), degraded(Degradation::Deaf)]);
    assert_eq!(play.wait(10)[0], Action::Close);
}

#[test]
fn a_subscription_that_does_not_cover_the_inbox_is_degraded() {
    let now = Instant::now();
    let (mut session, mut actions) = (Session::new(Some("inb_1".into()), None, now), Vec::new());
    session.handle(Input::Tick, now, &mut actions);
    session.handle(Input::Connected, now, &mut actions);
    let only_that_one = |action: &Action| {
        matches!(action, Action::Send(ClientFrame::Subscribe(subscription))
            if subscription.inbox_ids == Some(vec!["inb_1".into()]))
    };
    assert!(actions.iter().any(only_that_one), "{actions:?}");
    session.handle(Input::Frame(subscribed(&["inb_2"])), now, &mut actions);
    assert_eq!(session.state(), SocketState::Degraded(Degradation::Uncovered));
    session.handle(Input::SubscribeAgain, now, &mut actions);
    session.handle(Input::Frame(subscribed(&["inb_2", "inb_1"])), now, &mut actions);
    assert_eq!(session.state(), SocketState::Live);
}

#[test]
fn everything_is_subscribed_again_every_minute_without_the_cursor() {
    let mut play = Play::live();
    play.put(Input::Recorded("evt_9".into()));
    let done = play.live_on(125);
    let again: Vec<_> = done.iter().filter(|action| matches!(action, Action::Send(_))).collect();
    assert_eq!(again, [&subscribe(None), &subscribe(None)]);
    assert!(!done.iter().any(|action| matches!(action, Action::Gap(_) | Action::State(_))), "{done:?}");
}

#[test]
fn a_new_inbox_is_subscribed_as_soon_as_nothing_is_unanswered() {
    let mut play = Play::live();
    assert_eq!(play.put(Input::SubscribeAgain), [subscribe(None)]);
    assert_eq!(play.put(Input::SubscribeAgain), [], "the one before is not confirmed yet");
    assert_eq!(play.frame(subscribed(&[])), [subscribe(None)]);
}

#[test]
fn no_more_is_said_than_the_service_listens_to_and_the_rest_is_said_as_soon_as_it_does() {
    let mut play = Play::live();
    let mut said = 1;
    for _ in 0..40 {
        let mut done = play.put(Input::SubscribeAgain);
        done.extend(play.frame(subscribed(&[])));
        said += done.iter().filter(|action| matches!(action, Action::Send(_))).count();
    }
    assert_eq!(said, MESSAGES);
    let (waited, done) = play.wait_for_deadline();
    assert_eq!(waited, WINDOW, "and not for the next sign of life");
    assert!(done.contains(&subscribe(None)), "{done:?}");
}

#[test]
fn a_refused_resubscription_does_not_end_the_standing_one() {
    let mut play = Play::live();
    play.put(Input::SubscribeAgain);
    assert_eq!(play.frame(error()), [Action::Report("no".into())]);
    assert!(play.live_on(59).iter().all(|action| *action == Action::Ping));
    assert_eq!(play.session.state(), SocketState::Live);
}

#[test]
fn the_service_is_pinged_and_missed_when_it_does_not_answer() {
    let mut play = Play::live();
    assert_eq!(play.wait_for_deadline(), (Duration::from_secs(20), vec![Action::Ping]));
    assert_eq!(play.put(Input::PeerPong), []);
    assert_eq!(play.wait_for_deadline(), (Duration::from_secs(20), vec![Action::Ping]));
    play.wait(5);
    play.frame(event(1));
    assert!(play.wait(9).is_empty(), "an event is a sign of life");
    assert_eq!(play.wait(1), [Action::Close, degraded(Degradation::Silent)]);
}

#[test]
fn waits_double_up_to_thirty_seconds_and_start_over_after_a_stable_minute() {
    let mut play = Play::new(None);
    play.tick();
    let waits: Vec<_> = (0..7)
        .map(|_| {
            play.put(Input::ConnectFailed);
            play.wait_for_deadline().0.as_secs()
        })
        .collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    for (lasted, wait) in [(59, 30), (60, 1)] {
        play.put(Input::Connected);
        play.frame(subscribed(&[]));
        play.live_on(lasted);
        play.put(Input::Closed(None));
        assert_eq!(play.wait_for_deadline().0.as_secs(), wait, "after {lasted} s");
    }
}

#[test]
fn every_close_code_and_refusal_has_its_answer() {
    let stop =
        |reason| vec![Action::Close, Action::State(SocketState::Stopped(reason)), Action::Stop(reason)];
    for (code, reason) in [(4001, StopReason::KeyRefused), (4003, StopReason::Forbidden)] {
        let mut play = Play::live();
        assert_eq!(play.put(Input::Closed(Some(code))), stop(reason));
        assert_eq!(play.session.next_deadline(), None);
        assert_eq!(play.put(Input::Connected), []);
    }
    for (code, wait) in
        [(None, 1), (Some(1000), 1), (Some(1001), 1), (Some(1011), 1), (Some(4029), 1), (Some(4008), 60)]
    {
        let mut play = Play::live();
        assert_eq!(play.put(Input::Closed(code)), [Action::Close, degraded(Degradation::Lost(code))]);
        assert_eq!(play.wait_for_deadline().0.as_secs(), wait, "{code:?}");
    }
    for (status, reason) in [(401, StopReason::KeyRefused), (403, StopReason::Forbidden)] {
        let mut play = Play::new(None);
        play.tick();
        assert_eq!(play.put(Input::Refused(Refusal { status, retry_after: None })), stop(reason));
    }
    for (status, asked, wait) in
        [(429, Some(45), 45), (429, Some(86_400), 3_600), (503, None, 1), (502, Some(0), 1), (404, None, 1)]
    {
        let mut play = Play::new(None);
        play.tick();
        let retry_after = asked.map(Duration::from_secs);
        let actions = play.put(Input::Refused(Refusal { status, retry_after }));
        assert_eq!(actions, [Action::Close, degraded(Degradation::Refused(status))]);
        assert_eq!(play.wait_for_deadline().0.as_secs(), wait, "{status}");
    }
}

#[test]
fn a_dial_that_hangs_is_given_up() {
    let mut play = Play::new(None);
    play.tick();
    let (waited, actions) = play.wait_for_deadline();
    assert_eq!((waited.as_secs(), &actions[0]), (15, &Action::Close));
}

#[test]
fn a_store_that_is_too_slow_ends_the_connection() {
    let mut play = Play::live();
    assert_eq!(play.put(Input::Stalled), [Action::Close, degraded(Degradation::StoreSlow)]);
}

#[test]
fn who_resumes_where_another_left_off_has_the_gap_closed_that_the_other_may_have_known_of() {
    let mut play = Play::new(Some("evt_1"));
    play.session = play.session.after_another();
    assert_eq!(
        (play.tick(), play.put(Input::Connected)),
        (vec![Action::Dial], vec![subscribe(Some("evt_1"))])
    );
    let actions = play.frame(subscribed(&[]));
    assert_eq!(actions[0], Action::Gap(GapReason::ReplayUnfinished), "once the subscription is in force");
    // Where there is no place to resume from, that is reason enough.
    let mut play = Play::new(None);
    play.session = play.session.after_another();
    play.tick();
    play.put(Input::Connected);
    assert_eq!(play.frame(subscribed(&[]))[0], Action::Gap(GapReason::NoCursor));
}
