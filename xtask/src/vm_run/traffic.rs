//! Packets from host A through the machine to host B, fifty a second: every other one plain, the rest in an SRv6 path
//! through the machine. Counts what is sent and what arrives; judges nothing, that is for tests.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use segbox_lab::expect::{Headend, encaps};
use segbox_lab::{Frame, Mac, Namespace, Wire, udp};

/// Between two packets.
const PACE: Duration = Duration::from_millis(20);
/// Host A's own Ethernet address, which nobody asks for.
const FROM: Mac = [2, 0, 0, 0, 0, 0x0a];
/// What the path visits: a program of the machine's (image/vm.toml), then host B.
const PATH: [&str; 2] = ["fc00:0:2:100::", "fc00:0:3:1::"];
const FROM_PORT: u16 = 40000;
const TO_PORT: u16 = 7;

/// Traffic that goes until the process ends.
pub(super) struct Traffic {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    plain: AtomicU64,
    in_path: AtomicU64,
}

impl Traffic {
    /// Starts it, from `eth0` of the first host to `eth0` of the second.
    pub(super) fn start(hosts: &[Namespace; 2], to: Mac) -> Result<Self, segbox_lab::Error> {
        let (near, far) = (Wire::open(&hosts[0], "eth0")?, Wire::open(&hosts[1], "eth0")?);
        let counts = Arc::new(Counts::default());
        let (sending, receiving) = (Arc::clone(&counts), Arc::clone(&counts));
        let frames = frames(to);
        std::thread::spawn(move || {
            for frame in frames.iter().cycle() {
                // A machine that does not take it yet, or not any more.
                if near.send(frame).is_ok() {
                    sending.sent.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(PACE);
            }
        });
        std::thread::spawn(move || {
            while let Ok(captured) = far.next(Duration::from_secs(1)) {
                let Some(captured) = captured.filter(|captured| !captured.outgoing) else { continue };
                // The next header of the outermost IPv6 header tells them apart.
                match captured.frame.packet().get(6) {
                    Some(17) => receiving.plain.fetch_add(1, Ordering::Relaxed),
                    Some(43) => receiving.in_path.fetch_add(1, Ordering::Relaxed),
                    _ => 0,
                };
            }
        });
        Ok(Self { counts })
    }

    /// How many have arrived.
    pub(super) fn arrived(&self) -> u64 {
        self.counts.plain.load(Ordering::Relaxed) + self.counts.in_path.load(Ordering::Relaxed)
    }

    /// In a line.
    pub(super) fn summary(&self) -> String {
        let [sent, plain, in_path] =
            [&self.counts.sent, &self.counts.plain, &self.counts.in_path].map(|count| count.load(Ordering::Relaxed));
        format!("A sent {sent} packets, B received {plain} plain and {in_path} in their SRv6 path")
    }
}

fn frames(to: Mac) -> [Frame; 2] {
    let address = |text: &str| -> Ipv6Addr { text.parse().expect("an address") };
    let (a, b) = (address("2001:db8:a::2"), address("2001:db8:b::2"));
    let plain = udp((a.into(), FROM_PORT), (b.into(), TO_PORT), b"through the machine");
    let in_path = encaps(&plain, Headend { source: a }, &PATH.map(address)).expect("a hop limit of 64");
    [Frame::new(FROM, to, &plain), Frame::new(FROM, to, &in_path.bytes())]
}
