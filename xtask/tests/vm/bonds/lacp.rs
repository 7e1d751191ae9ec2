//! The other end of an aggregate (IEEE 802.1AX, 6.4): a system that agrees to all ports and says so as often as it is spoken to. It stands for
//! the switch, and for a cable that is dead although it has a carrier. Not here: packets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use segbox_lab::{Frame, Mac, Namespace, Wire};

/// The group address of slow protocols, their EtherType, and LACP among them.
const GROUP: Mac = [1, 0x80, 0xc2, 0, 0, 2];
const SLOW_PROTOCOL: [u8; 4] = [0x88, 0x09, 1, 1];
/// The actor's and the partner's information: type, length, then 15 bytes and three reserved ones.
const ACTOR: usize = 16;
const PARTNER: usize = ACTOR + 20;
const INFORMATION: usize = 15;
/// Active, short timeout, aggregation, in sync, collecting, distributing.
const STATE: u8 = 0x3f;
/// The system of all ports here.
pub(super) const SYSTEM: Mac = [2, 0, 0, 0, 0, 0xad];

/// One port of the other end.
pub(super) struct Port {
    is_alive: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    /// Agrees with whoever speaks LACP at the other end of this port, until it is dead.
    pub(super) fn open(namespace: &Namespace, interface: &str, number: u8) -> Self {
        let wire = Wire::open(namespace, interface).expect("a port");
        let (is_alive, ends) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let (lives, stop) = (Arc::clone(&is_alive), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let said = wire.find(Duration::from_millis(100), |seen| !seen.outgoing && is_lacp(&seen.frame));
                let Ok(Some(said)) = said else { continue };
                if lives.load(Ordering::Relaxed) {
                    // A port that has just been pulled takes no frame.
                    drop(wire.send(&answer(&said.frame, number)));
                }
            }
        });
        Self { is_alive, ends, thread: Some(thread) }
    }

    /// The cable loses all frames from now on, or none any more. Its carrier stays.
    pub(super) fn live(&self, lives: bool) {
        self.is_alive.store(lives, Ordering::Relaxed);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn is_lacp(frame: &Frame) -> bool {
    frame.get(12..16) == Some(&SLOW_PROTOCOL) && frame.len() >= PARTNER + 2 + INFORMATION
}

/// What it says of itself, and that it has heard what the other says of itself.
fn answer(said: &Frame, number: u8) -> Frame {
    let mut frame = said.0.clone();
    frame[..6].copy_from_slice(&GROUP);
    frame[6..12].copy_from_slice(&[SYSTEM[0], 0, 0, 0, 1, number]);
    let theirs = said[ACTOR + 2..ACTOR + 2 + INFORMATION].to_vec();
    frame[PARTNER + 2..PARTNER + 2 + INFORMATION].copy_from_slice(&theirs);
    let own = &mut frame[ACTOR + 2..ACTOR + 2 + INFORMATION];
    // System priority, system, key, port priority, port, state.
    own[..2].copy_from_slice(&[0x80, 0]);
    own[2..8].copy_from_slice(&SYSTEM);
    own[8..14].copy_from_slice(&[0, 7, 0x80, 0, 0, number]);
    own[14] = STATE;
    Frame(frame)
}
