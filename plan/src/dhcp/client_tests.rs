use std::net::Ipv4Addr;
use std::time::Duration;

use segbox_config::Mac;

use super::options::Options;
use super::wire::{Answer, Kind, Reply};
use super::*;

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const SERVER: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// A client, a time, and the last transaction. The random number is the number of the step.
struct Test {
    client: Client,
    now: Duration,
    steps: u32,
    xid: u32,
    bounds: Bounds,
}

impl Test {
    fn new(known: Option<Lease>) -> Self {
        let client = Client::new(OWN, Some("r2".to_owned()), known);
        Self { client, now: Duration::from_secs(1000), steps: 0, xid: 0, bounds: Bounds::default() }
    }

    /// The actions of an event, in a short form.
    fn on(&mut self, event: Event<'_>) -> Vec<String> {
        self.steps += 1;
        let actions = self.client.step(self.now, self.steps, event);
        let actions = actions.into_iter().map(|action| match action {
            Action::Send(request, to) => {
                self.xid = request.xid;
                let part = |name: &str, address: Option<Ipv4Addr>| {
                    address.map(|one| format!(" {name} {one}")).unwrap_or_default()
                };
                format!(
                    "{:?}{}{}{}{}",
                    request.kind,
                    part("from", request.client),
                    part("for", request.address),
                    part("of", request.server),
                    part("to", to.map(|(_, address)| address)),
                )
            }
            Action::Probe(address) => format!("Probe {address}"),
        });
        actions.collect()
    }

    /// The actions when time matters next, and the seconds until then.
    fn next(&mut self) -> (f64, Vec<String>) {
        let due = self.client.due().expect("time matters");
        let waited = (due - self.now).as_secs_f64();
        self.now = due;
        (waited, self.on(Event::Tick))
    }

    fn answer(&mut self, answer: Answer, address: [u8; 4], other: &[(u8, &[u8])]) -> Vec<String> {
        let xid = self.xid;
        self.answer_to(xid, answer, address, other)
    }

    fn answer_to(&mut self, xid: u32, answer: Answer, address: [u8; 4], other: &[(u8, &[u8])]) -> Vec<String> {
        let usual: [(u8, &[u8]); 3] = [(1, &[255, 255, 255, 0]), (51, &[0, 0, 2, 88]), (54, &[192, 0, 2, 1])];
        let usual = usual.iter().filter(|(code, _)| other.iter().all(|(one, _)| one != code));
        let rows: Vec<_> = usual.chain(other).copied().collect();
        let reply = Reply { answer, xid, address: address.into(), options: Options::of(&rows), from: SERVER };
        let bounds = self.bounds.clone();
        self.on(Event::Reply(&reply, &bounds))
    }

    /// From nothing to a lease of 600 s.
    fn bound() -> Self {
        let mut test = Self::new(None);
        assert_eq!(test.on(Event::Up), ["Discover"]);
        assert_eq!(test.answer(Answer::Offer, [192, 0, 2, 9], &[]), ["Request for 192.0.2.9 of 192.0.2.1"]);
        assert_eq!(test.answer(Answer::Ack, [192, 0, 2, 9], &[]), ["Probe 192.0.2.9"]);
        assert_eq!(test.state(), State::Probing);
        assert!(test.client.lease().is_none(), "nobody has answered the probe yet");
        assert_eq!(test.next(), (0.5, vec!["Probe 192.0.2.9".to_owned()]));
        assert_eq!(test.next(), (0.5, vec![]));
        assert_eq!(test.state(), State::Bound);
        assert_eq!(test.address().as_deref(), Some("192.0.2.9/24"));
        assert_eq!(test.said(), ["192.0.2.9/24 from the server 192.0.2.1 for 600 s"]);
        test
    }

    fn state(&self) -> State {
        self.client.report().state
    }

    fn address(&self) -> Option<String> {
        self.client.lease().map(|lease| lease.address.to_string())
    }

    fn said(&mut self) -> Vec<String> {
        self.client.take_said()
    }

    fn deviation(&self) -> String {
        self.client.report().deviation("eth4", self.now).unwrap_or_default()
    }
}

#[test]
fn a_silent_network_is_asked_less_and_less_often() {
    let mut test = Test::new(None);
    assert_eq!(test.deviation(), "eth4 has no lease: it has no carrier");
    assert_eq!(test.on(Event::Up), ["Discover"]);
    for middle in [4.0, 8.0, 16.0, 32.0, 64.0, 64.0] {
        let (waited, actions) = test.next();
        assert!((middle - 1.0..=middle + 1.0).contains(&waited), "{middle}: {waited}");
        assert_eq!(actions, ["Discover"]);
    }
    assert!(test.deviation().starts_with("eth4 has no lease: no server answered in 18"), "{}", test.deviation());
    assert_eq!(test.on(Event::Down), [""; 0]);
    assert_eq!(test.client.due(), None);
}

#[test]
fn a_lease_is_renewed_by_its_server() {
    let mut test = Test::bound();
    let (waited, actions) = test.next();
    assert_eq!((waited, &actions[..]), (299.0, &["Request from 192.0.2.9 to 192.0.2.1".to_owned()][..]));
    assert_eq!(test.state(), State::Renewing);
    assert_eq!(test.answer(Answer::Ack, [192, 0, 2, 9], &[(51, &[0, 0, 1, 0])]), [""; 0]);
    assert_eq!(test.state(), State::Bound);
    assert_eq!(test.client.lease().and_then(|lease| lease.ends()), Some(test.now + Duration::from_secs(256)));
    assert_eq!((test.said(), test.deviation()), (vec![], String::new()), "a renewal is no news");
    assert_eq!(test.next().0, 128.0);
}

#[test]
fn a_server_that_is_gone_is_asked_again_then_any_server_and_then_the_address_goes() {
    let mut test = Test::bound();
    let own = "Request from 192.0.2.9 to 192.0.2.1";
    assert_eq!(test.next().1, [own]);
    // T2 is at 525 s, and half of what is left to it is at least 60 s.
    assert_eq!(test.next(), (112.5, vec![own.to_owned()]));
    assert_eq!(test.next(), (60.0, vec![own.to_owned()]));
    let any = vec!["Request from 192.0.2.9".to_owned()];
    assert_eq!(test.next(), (52.5, any.clone()));
    assert_eq!(test.state(), State::Rebinding);
    assert_eq!(
        test.deviation(),
        "eth4: the lease of 192.0.2.9/24 ends in 75 s: the server 192.0.2.1 does not renew it"
    );
    assert_eq!(test.next(), (60.0, any));
    assert_eq!(test.address().as_deref(), Some("192.0.2.9/24"));
    assert_eq!(test.next(), (15.0, vec!["Discover".to_owned()]));
    assert_eq!(test.address(), None);
    assert_eq!(test.said(), ["the lease of 192.0.2.9/24 has ended: no server has renewed it"]);
}

#[test]
fn another_server_may_renew_from_t2_on_and_not_before() {
    let mut test = Test::bound();
    let other = [(54, &[192, 0, 2, 2][..])];
    test.next();
    test.answer(Answer::Ack, [192, 0, 2, 9], &other);
    assert_eq!(
        test.said(),
        ["an acknowledgement of 192.0.2.2 was refused: it is from 192.0.2.2, and another server was asked"]
    );
    assert_eq!(test.state(), State::Renewing);
    while test.state() != State::Rebinding {
        test.next();
    }
    assert_eq!(test.answer(Answer::Ack, [192, 0, 2, 9], &other), [""; 0]);
    assert_eq!(test.state(), State::Bound);
    assert_eq!(test.said(), ["192.0.2.9/24 from the server 192.0.2.2 for 600 s"]);
}

#[test]
fn a_refused_address_goes_at_once_and_the_client_begins_anew_less_and_less_often() {
    let mut test = Test::bound();
    test.next();
    assert_eq!(test.answer(Answer::Nak, [0, 0, 0, 0], &[(56, b"wrong\x1b[network")]), [""; 0]);
    assert_eq!(test.address(), None);
    let words = "the server 192.0.2.1 refuses the address: it says \"wrong?[network\"";
    assert_eq!((test.said(), test.deviation()), (vec![words.to_owned()], format!("eth4 has no lease: {words}")));
    for seconds in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 64.0] {
        let (waited, actions) = test.next();
        assert!((seconds..seconds + 0.5).contains(&waited), "{seconds}: {waited}");
        assert_eq!(actions, ["Discover"]);
        assert_eq!(test.answer(Answer::Offer, [192, 0, 2, 9], &[]).len(), 1);
        test.answer(Answer::Nak, [0, 0, 0, 0], &[]);
    }
}

#[test]
fn a_refusal_by_another_server_than_the_leases_counts_for_nothing() {
    let mut test = Test::bound();
    test.next();
    test.answer(Answer::Nak, [0, 0, 0, 0], &[(54, &[192, 0, 2, 66])]);
    test.answer(Answer::Nak, [0, 0, 0, 0], &[(54, &[])]);
    let xid = test.xid;
    test.answer_to(xid ^ 1, Answer::Nak, [0, 0, 0, 0], &[]);
    assert_eq!(test.address().as_deref(), Some("192.0.2.9/24"));
    assert_eq!(
        test.said(),
        [
            "a refusal of 192.0.2.66 was refused: it is from 192.0.2.66, and another server was asked",
            "a refusal of a server was refused: it does not say which server it is from (no server identifier)",
            "a refusal of 192.0.2.1 was refused: it answers another request (a wrong transaction id)",
        ]
    );
}

#[test]
fn an_address_that_another_station_has_is_declined() {
    let mut test = Test::new(None);
    test.on(Event::Up);
    test.answer(Answer::Offer, [192, 0, 2, 9], &[]);
    test.answer(Answer::Ack, [192, 0, 2, 9], &[]);
    assert_eq!(test.on(Event::Claimed([192, 0, 2, 8].into())), [""; 0], "another address");
    assert_eq!(test.on(Event::Claimed([192, 0, 2, 9].into())), ["Decline for 192.0.2.9 of 192.0.2.1"]);
    assert_eq!(test.said(), ["the address 192.0.2.9 is another station's already: the server 192.0.2.1 is told"]);
    let (waited, actions) = test.next();
    assert!((10.0..10.5).contains(&waited), "{waited}");
    assert_eq!((test.address(), &actions[..]), (None, &["Discover".to_owned()][..]));
}

#[test]
fn an_offer_that_lies_is_passed_over_for_one_that_does_not() {
    let mut test = Test::new(None);
    test.on(Event::Up);
    assert_eq!(test.answer(Answer::Offer, [192, 0, 2, 9], &[(51, &[0, 0, 0, 0])]), [""; 0]);
    assert_eq!(test.answer(Answer::Offer, [192, 0, 2, 9], &[(51, &[0, 0, 0, 0])]), [""; 0]);
    assert_eq!(test.on(Event::Damaged(&Lie::CutOff)), [""; 0]);
    let words = [
        "an offer of 192.0.2.1 was refused: its lease is good for 0 s",
        "a message of a server was refused: its options are cut off",
    ];
    assert_eq!(test.said(), words, "once each");
    assert_eq!(test.deviation(), format!("eth4 has no lease: {}", words[1]));
    assert_eq!(test.answer(Answer::Offer, [192, 0, 2, 9], &[]), ["Request for 192.0.2.9 of 192.0.2.1"]);
}

#[test]
fn an_acknowledgement_of_something_else_gives_nothing() {
    for (other, address) in [(&[(1, &[255, 0, 255, 0][..])][..], [192, 0, 2, 9]), (&[], [192, 0, 2, 10])] {
        let mut test = Test::new(None);
        test.on(Event::Up);
        test.answer(Answer::Offer, [192, 0, 2, 9], &[]);
        assert_eq!(test.answer(Answer::Ack, address, other), [""; 0]);
        assert_eq!((test.state(), test.address()), (State::Pausing, None));
        assert_eq!(test.next().1, ["Discover"]);
        // In a renewal the lease goes on as it is.
        let mut test = Test::bound();
        test.next();
        test.answer(Answer::Ack, address, other);
        assert_eq!((test.state(), test.address().as_deref()), (State::Renewing, Some("192.0.2.9/24")));
    }
}

#[test]
fn a_server_that_offers_and_does_not_acknowledge_is_asked_four_times() {
    let mut test = Test::new(None);
    test.on(Event::Up);
    test.answer(Answer::Offer, [192, 0, 2, 9], &[]);
    for _ in 0..3 {
        assert_eq!(test.next().1, ["Request for 192.0.2.9 of 192.0.2.1"]);
    }
    assert_eq!(test.next().1, ["Discover"]);
    // Other servers' offers after the choice are nothing.
    test.answer(Answer::Offer, [192, 0, 2, 9], &[]);
    assert_eq!(test.answer(Answer::Offer, [192, 0, 2, 10], &[(54, &[192, 0, 2, 2])]), [""; 0]);
    assert_eq!(test.answer(Answer::Ack, [192, 0, 2, 9], &[]), ["Probe 192.0.2.9"]);
}

#[test]
fn a_link_that_comes_back_asks_for_its_lease_again() {
    let mut test = Test::bound();
    assert_eq!(test.on(Event::Down), [""; 0]);
    assert_eq!(test.address().as_deref(), Some("192.0.2.9/24"), "the cable may come back");
    assert_eq!(test.on(Event::Up), ["Request for 192.0.2.9"]);
    assert_eq!(test.state(), State::Rebooting);
    assert_eq!(test.answer(Answer::Ack, [192, 0, 2, 9], &[]), [""; 0]);
    assert_eq!(test.state(), State::Bound);
    // Another network: its server refuses.
    test.on(Event::Down);
    test.on(Event::Up);
    test.answer(Answer::Nak, [0, 0, 0, 0], &[(54, &[198, 51, 100, 1])]);
    assert_eq!((test.state(), test.address()), (State::Pausing, None));
    // No server is there: the lease is good as long as it was.
    let mut test = Test::bound();
    test.on(Event::Down);
    test.on(Event::Up);
    assert_eq!(test.next().1, ["Request for 192.0.2.9"]);
    assert_eq!(test.next().1, [""; 0]);
    assert_eq!(test.state(), State::Bound);
    // Without a cable it ends as it does with one.
    test.on(Event::Down);
    assert_eq!(test.next().1, [""; 0]);
    assert_eq!((test.state(), test.address()), (State::NoCarrier, None));
}

#[test]
fn a_lease_that_an_earlier_client_left_is_asked_for_again() {
    let known = Test::bound().client.lease().cloned();
    let mut test = Test::new(known.clone());
    assert_eq!(test.address().as_deref(), Some("192.0.2.9/24"));
    assert_eq!(test.on(Event::Up), ["Request for 192.0.2.9"]);
    let mut late = Test::new(known);
    late.now += Duration::from_secs(601);
    assert_eq!(late.on(Event::Up), ["Discover"]);
    assert_eq!(late.address(), None);
}

#[test]
fn a_lease_for_ever_has_no_end() {
    let mut test = Test::new(None);
    test.on(Event::Up);
    test.answer(Answer::Offer, [192, 0, 2, 9], &[(51, &[255; 4])]);
    test.answer(Answer::Ack, [192, 0, 2, 9], &[(51, &[255; 4])]);
    test.next();
    test.next();
    assert_eq!(test.said(), ["192.0.2.9/24 from the server 192.0.2.1 for ever"]);
    assert_eq!(test.client.lease().and_then(|lease| lease.left(test.now)), None);
    assert!(test.client.due() > Some(Duration::from_secs(u64::from(u32::MAX) / 2)));
}

#[test]
fn a_lease_of_some_seconds_makes_no_storm() {
    let mut test = Test::new(None);
    test.on(Event::Up);
    let short = [(51, &[0, 0, 0, 5][..])];
    test.answer(Answer::Offer, [192, 0, 2, 9], &short);
    test.answer(Answer::Ack, [192, 0, 2, 9], &short);
    let begin = test.now;
    let mut sent = 0;
    while test.now < begin + Duration::from_secs(60) {
        sent += test.next().1.len();
        if test.state() == State::Selecting {
            sent += test.answer(Answer::Offer, [192, 0, 2, 9], &short).len();
            sent += test.answer(Answer::Ack, [192, 0, 2, 9], &short).len();
        }
    }
    assert!(sent <= 60 * 2, "{sent} messages in a minute");
}

#[test]
fn a_release_is_for_the_server_alone() {
    let lease = Test::bound().client.lease().cloned().expect("bound");
    let Action::Send(request, to) = lease.release(OWN, 9) else { panic!("a message") };
    assert_eq!(
        (request.kind, request.client, request.server),
        (Kind::Release, Some([192, 0, 2, 9].into()), Some([192, 0, 2, 1].into()))
    );
    assert_eq!(to, Some((SERVER, [192, 0, 2, 1].into())));
    let (packet, mac) = lease.release(OWN, 9).packet(OWN);
    assert_eq!((packet[12..20].to_vec(), mac), (vec![192, 0, 2, 9, 192, 0, 2, 1], Some(SERVER)));
}
