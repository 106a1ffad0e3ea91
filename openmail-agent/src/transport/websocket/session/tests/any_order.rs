use proptest::prelude::*;

use super::*;

/// Anything that can happen, in any order.
fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => Just(()).prop_map(|()| Input::Tick),
        8 => Just(()).prop_map(|()| Input::Connected),
        1 => Just(()).prop_map(|()| Input::ConnectFailed),
        1 => (400_u16..600).prop_filter("stops", |s| ![401, 403].contains(s))
            .prop_map(|status| Input::Refused(Refusal { status, retry_after: None })),
        16 => (0_usize..300).prop_map(|n| Input::Frame(event(n))),
        8 => Just(()).prop_map(|()| Input::Frame(subscribed(&[]))),
        4 => Just(()).prop_map(|()| Input::Frame(ServerFrame::Pong)),
        4 => Just(()).prop_map(|()| Input::Frame(error())),
        1 => Just(()).prop_map(|()| Input::Frame(ServerFrame::Unknown)),
        2 => Just(()).prop_map(|()| Input::PeerPong),
        1 => Just(()).prop_map(|()| Input::Closed(Some(1001))),
        1 => Just(()).prop_map(|()| Input::Oversized),
        1 => Just(()).prop_map(|()| Input::Stalled),
        4 => (0_usize..300).prop_map(|n| Input::Recorded(format!("evt_{n}").into())),
        8 => (0_usize..3).prop_map(|n| Input::Subscribe(Filter::inboxes([format!("inb_{n}").into()]))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_budget_is_kept_and_live_means_subscribed(
        inputs in prop::collection::vec((any_input(), 0_u64..400), 1..400)
    ) {
        let mut play = Play::new(Some("evt_0"));
        play.tick();
        let mut confirmed = false;
        let mut sent: Vec<Instant> = Vec::new();
        for (input, pause) in inputs {
            play.now += Duration::from_millis(pause);
            let confirms = matches!(&input, Input::Frame(ServerFrame::Subscribed { .. }));
            let actions = play.put(input);
            confirmed |= confirms;
            for action in &actions {
                match action {
                    Action::Close => (confirmed, sent) = (false, Vec::new()),
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
