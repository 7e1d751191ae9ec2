//! Packets that go round between the policies of this box and of another, where nothing counts them: a sample of what arrives tells. Not here:
//! what is a circle (`segbox_plan::circles`), and those that the program of `hop-limit = "rfc"` counts (`hop_limit`).

use std::time::Duration;

use segbox_linux::sample;
use segbox_plan::Actual;
use segbox_plan::circles::Circles;

/// Long enough to see a packet that is there go round many times between neighbours.
const SHORT: Duration = Duration::from_millis(100);
/// Where packets of SIDs meet policies at all: time for a way round of 100 ms.
const LONG: Duration = Duration::from_millis(400);

/// One line for each SID whose packets go round. None in a namespace where the user may not open a packet socket.
pub(super) fn circles(actual: &Actual) -> Vec<String> {
    let Some(mut circles) = Circles::of(actual) else { return Vec::new() };
    look(&mut circles, SHORT);
    if circles.met() && circles.told().is_empty() {
        look(&mut circles, LONG);
    }
    circles.told()
}

fn look(circles: &mut Circles<'_>, time: Duration) {
    // Whoever may not open the socket sees the rest of the status.
    let _ = sample::arrivals(time, |packet| circles.see(packet));
}
