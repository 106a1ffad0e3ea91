use proptest::prelude::*;

use super::*;

/// Anything that can happen, in any order; what ends a connection seldom enough for one to use up its budget.
fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        16 => Just(()).prop_map(|()| Input::Tick),
        16 => Just(()).prop_map(|()| Input::Connected),
        1 => Just(()).prop_map(|()| Input::ConnectFailed),
        1 => (400_u16..600).prop_filter("stops", |s| ![401, 403].contains(s))
            .prop_map(|status| Input::Refused(Refusal { status, retry_after: None })),
        64 => (0_usize..300).prop_map(|n| Input::Frame(event(n))),
        64 => Just(()).prop_map(|()| Input::Frame(subscribed(&[]))),
        16 => Just(()).prop_map(|()| Input::Frame(ServerFrame::Pong)),
        4 => Just(()).prop_map(|()| Input::Frame(error())),
        1 => Just(()).prop_map(|()| Input::Frame(ServerFrame::Unknown)),
        16 => Just(()).prop_map(|()| Input::PeerPong),
        1 => Just(()).prop_map(|()| Input::Closed(Some(1001))),
        1 => Just(()).prop_map(|()| Input::Oversized),
        1 => Just(()).prop_map(|()| Input::Stalled),
        16 => (0_usize..300).prop_map(|n| Input::Recorded(format!("evt_{n}").into())),
        64 => Just(()).prop_map(|()| Input::SubscribeAgain),
    ]
}

/// After which another connection is tried for certain.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_budget_is_kept_and_live_means_subscribed(
        // In a hurry, for the budget to be used up; at leisure, for what waits to be given up.
        longest_pause in prop_oneof![Just(10_u64), Just(400)],
        inputs in prop::collection::vec((any_input(), 0_u64..400), 1..400)
    ) {
        let mut play = Play::new(Some("evt_0"));
        play.tick();
        let mut confirmed = false;
        let mut sent: Vec<Instant> = Vec::new();
        for (input, pause) in inputs {
            play.now += Duration::from_millis(pause % longest_pause);
            let confirms = matches!(&input, Input::Frame(ServerFrame::Subscribed { .. }));
            let actions = play.put(input);
            confirmed |= confirms;
            for action in &actions {
                match action {
                    Action::Close => {
                        (confirmed, sent) = (false, Vec::new());
                        play.now += LONGEST_WAIT;
                    }
                    Action::Send(_) | Action::Ping => sent.push(play.now),
                    _ => {}
                }
            }
            let recent = sent.iter().filter(|&&at| at + Duration::from_secs(10) > play.now).count();
            prop_assert!(recent <= 30, "{recent} messages in 10 s");
            prop_assert!(!play.session.state().is_ready() || confirmed);
            prop_assert!(play.session.next_deadline().is_some());
        }
    }
}
