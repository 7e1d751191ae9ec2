//! `segbox apply` of changing files under traffic: the unchanged parts of the files forward every packet exactly once, whatever
//! changes beside them.

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use segbox_lab::expect::{self, Headend};
use segbox_lab::{outline, udp};

use support::segbox::{SEGBOX, run};
use support::through::{Port, Through, in_path};
use support::{path, v6};

const BASE: &str = concat!(include_str!("../behaviors/router.toml"), include_str!("untouched.toml"));

/// Maximum packets per second, and minimum duration: some tens of applies on an idle machine.
const RATE: u32 = 10_000;
/// With fewer packets the test proves nothing.
const LEAST: u32 = 5_000;
const LONG: Duration = Duration::from_secs(5);
/// Packets per burst: one timer tick apart, and far fewer than the kernel queues per CPU (1,000).
const BURST: u32 = 20;

/// A file of the series: other SIDs, another program and other policies beside the unchanged ones.
fn variant(number: usize) -> String {
    let mut text = BASE.to_owned();
    for sid in (0..40).filter(|sid| !(sid + number).is_multiple_of(3)) {
        let behavior =
            if (sid + number).is_multiple_of(2) { "\"End\"" } else { "\"End.X\"\nnext-hop = \"2001:db8:3::2\"" };
        let _ = write!(text, "\n[[srv6.sid]]\nsid = \"fc00:0:2:a{sid:02}::\"\nbehavior = {behavior}\n");
        let _ = write!(
            text,
            "\n[[srv6.policy]]\ndestination = \"2001:db8:c{sid:02}::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3:{number}::\"]\n"
        );
    }
    let _ = write!(
        text,
        "\n[[srv6.sid]]\nsid = \"fc00:0:2:200::\"\nbehavior = \"End.BPF\"\nprogram = \"stamp\"\n\
         \n[program.stamp]\nobject = \"builtin:end_add_tlv\"\n[program.stamp.globals]\ntlv_type = {}\n",
        130 + number
    );
    text
}

#[test]
fn unchanged_parts_lose_and_repeat_no_packet() {
    let through = Through::new(&variant(0), |_, _| ());
    let variants: Vec<_> =
        (0..4).map(|number| through.files.write(&format!("{number}.toml"), variant(number))).collect();
    let end = Instant::now() + LONG;
    let (enough, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let (sent, seen, applied) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| send(&through, &enough));
        let receiver = scope.spawn(|| receive(&through, &done));
        let mut applied = 0;
        for file in variants.iter().cycle().skip(1) {
            let mut command = through.router().command(SEGBOX).expect("the namespace is there");
            let result = run(command.arg("apply").arg(file));
            assert_eq!(result.code, Some(0), "{}{}", result.out, result.err);
            assert!(!result.out.contains("nothing to do"), "each file differs from the one before it");
            applied += 1;
            // Apply every change at least once, however slow the machine is.
            if Instant::now() > end && applied >= variants.len() {
                break;
            }
        }
        enough.store(true, Ordering::Relaxed);
        let sent = sender.join().expect("the sender's own assertions");
        // All sent packets have passed the router when the last send returns, except those in another CPU's queue.
        std::thread::sleep(Duration::from_millis(200));
        done.store(true, Ordering::Relaxed);
        (sent, receiver.join().expect("the receiver's own assertions"), applied)
    });
    let mut times = vec![0_u32; sent as usize];
    seen.iter().for_each(|number| times[*number as usize] += 1);
    let lost = times.iter().filter(|times| **times == 0).count();
    let repeated = times.iter().filter(|times| **times > 1).count();
    assert_eq!((lost, repeated), (0, 0), "lost and repeated, of {sent} packets during {applied} applies");
    println!("{sent} packets, {applied} applies");
    assert!(sent > LEAST, "there was traffic: {sent} packets");
}

/// Packet `number` as it is sent, and as it must come out: through a SID, a program or a policy, alternating.
fn packets(number: u32) -> (Vec<u8>, Vec<u8>) {
    let datagram = |to| udp((v6("2001:db8:a::2").into(), 9), (v6(to).into(), 9), &number.to_be_bytes());
    let into = |sid| in_path(&[sid, "fc00:0:3:1::"], &datagram("2001:db8:b::2"));
    let (packet, out) = match number % 3 {
        0 => (into("fc00:0:2:1::").bytes(), expect::end(&into("fc00:0:2:1::"))),
        1 => {
            let packet = into("fc00:0:2:2::");
            (packet.bytes(), expect::end_bpf(&packet, |srh| srh.tlvs = vec![124, 6, 0, 0, 0, 0, 0, 0]))
        }
        _ => {
            let packet = datagram("2001:db8:b0::2");
            let headend = Headend { source: v6("fc00:0:2::1") };
            let out = expect::encaps(&packet, headend, &path(["fc00:0:3:1::", "fc00:0:4:3::"]));
            (packet, out)
        }
    };
    (packet, out.expect("the model forwards it").bytes())
}

/// Size of the number, and of the UDP checksum before it. Packets of one kind differ only in these.
const NUMBER: usize = 4;
const CHECKSUM: usize = 2;

/// Sends numbered packets until told to stop; returns their count.
fn send(through: &Through, enough: &AtomicBool) -> u32 {
    let start = Instant::now();
    let mut sent = 0;
    while !enough.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            through.send(&packets(sent).0);
            sent += 1;
        }
        let due = start + Duration::from_secs(1) * sent / RATE;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    sent
}

/// The numbers that came out, in order, until the end. Every packet must be correct.
fn receive(through: &Through, done: &AtomicBool) -> Vec<u32> {
    let expected = [0, 1, 2].map(|kind| packets(kind).1);
    let mut seen = Vec::new();
    let tap = through.tap(Port::Eth1);
    while !done.load(Ordering::Relaxed) {
        while let Some(captured) = tap.next(Duration::from_millis(20)).expect("readable") {
            let packet = captured.frame.packet();
            let number = u32::from_be_bytes(*packet.last_chunk().expect("an IPv6 packet"));
            let same = packet.len() - NUMBER - CHECKSUM;
            let kind = &expected[number as usize % 3];
            assert_eq!(packet.get(..same), kind.get(..same), "{}", outline(&captured.frame));
            seen.push(number);
        }
    }
    seen
}
