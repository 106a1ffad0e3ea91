use super::*;

#[tokio::test]
async fn large_mails_hide_no_others() {
    const MB: usize = 1024 * 1024;
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let setup = Setup::new(order).await;
        setup.arrive(0..120);
        setup.look().await;
        setup.arrive(120..240);
        setup.mail.lock().unwrap().large = HashMap::from([(130, 17 * MB), (131, 17 * MB)]);
        setup.look_and_find(120).await;
    }
}

#[tokio::test]
async fn however_much_mail_there_is_memory_holds_some_of_it_and_it_comes_in_order() {
    const ROOM: usize = 64 * 1024;
    for order in ORDERS {
        for without_total in [false, true] {
            let setup = Setup::new(order).await;
            setup.mail.lock().unwrap().without_total = without_total;
            setup.arrive(0..250);
            setup.mail.lock().unwrap().large = (0..250).map(|n| (n, 4_000)).collect();
            let (numbers, readings) = listed(&setup, ROOM).await;
            assert!(numbers.into_iter().eq(0..250), "{order:?}");
            assert_eq!(readings, 1, "{order:?}");
            let (pages, most) = (4, 250 * 4_600 / ROOM + 10);
            assert!(order == Order::Shuffled || setup.requests() <= pages + most, "{order:?}");
        }
    }
}

#[tokio::test]
async fn a_list_that_moves_on_while_it_is_read_again_is_followed() {
    const ROOM: usize = 64 * 1024;
    for (order, without_total) in
        [(Order::NewestFirst, false), (Order::NewestFirst, true), (Order::OldestFirst, false)]
    {
        let setup = Setup::new(order).await;
        // With the first of those that arrive meanwhile, two pages exactly.
        setup.arrive(0..199);
        {
            let mut mail = setup.mail.lock().unwrap();
            mail.large = (0..199).map(|n| (n, 4_000)).collect();
            (mail.without_total, mail.arriving) = (without_total, 12);
        }
        let (mut numbers, readings) = listed(&setup, ROOM).await;
        numbers.retain(|number| *number < 5_000);
        assert!(numbers.into_iter().eq(0..199), "{order:?}");
        assert!(without_total || readings == 1, "{order:?}: read {readings} times");
    }
}

#[tokio::test]
async fn a_line_that_is_too_slow_for_a_page_is_given_less() {
    let setup = Setup::new(Order::NewestFirst).await;
    setup.look().await;
    setup.arrive(0..60);
    setup.mail.lock().unwrap().most_rows = Some(50);
    let client = Client::builder(Secret::new("om_key")).base_url(setup.catch_up.client().base_url()).unwrap();
    let client = client.timeout(Duration::from_secs(3)).build().unwrap();
    let catch_up = CatchUp::new(client, setup.intake.clone()).unspaced();
    let report = catch_up.run_once(&[Inbox::new("inb_1")], GapReason::Routine).await;
    assert_eq!((report.found, report.failures.len()), (60, 0), "{report:?}");
}

#[tokio::test]
async fn a_mail_that_no_answer_can_hold_is_left_out_by_itself() {
    let setup = Setup::new(Order::NewestFirst).await;
    setup.look().await;
    setup.arrive(0..5);
    setup.mail.lock().unwrap().large = HashMap::from([(3, 33 * 1024 * 1024)]);
    setup.look_and_find(4).await;
}
