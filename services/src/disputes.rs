//! How often each thing was repaired lately: what another takes away again and again is left to it. segbox never fights another owner. Not here:
//! repairing, and who the other is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// This many repairs within [`WHILE`] that were undone are enough.
const TRIES: usize = 3;
const WHILE: Duration = Duration::from_secs(60);

/// The repairs of the last minute, by thing.
#[derive(Debug, Default)]
pub(crate) struct Disputes {
    repairs: BTreeMap<String, VecDeque<Instant>>,
    given_up: BTreeSet<String>,
    /// The apply that the things are of.
    of: Option<String>,
}

impl Disputes {
    /// The things that are to be left alone if they are lost now.
    pub(crate) fn leave(&mut self, now: Instant) -> BTreeSet<String> {
        self.repairs.retain(|_, times| {
            times.retain(|time| now.saturating_duration_since(*time) < WHILE);
            !times.is_empty()
        });
        let often = self.repairs.iter().filter(|(_, times)| times.len() >= TRIES).map(|(thing, _)| thing);
        often.chain(&self.given_up).cloned().collect()
    }

    /// The apply that the last look held to. After another one everything begins anew: true then.
    pub(crate) fn begin(&mut self, of: Option<&String>) -> bool {
        let anew = self.of.as_ref() != of;
        if anew {
            *self = Self { of: of.cloned(), ..Self::default() };
        }
        anew
    }

    /// Takes note of a look: `repaired` are the things that it brought back, `left` those that it left alone. Gives those that are given up from
    /// now on. The next apply, or whoever puts the thing back, ends that.
    pub(crate) fn settle(
        &mut self,
        repaired: impl Iterator<Item = String>,
        left: &BTreeSet<String>,
        now: Instant,
    ) -> Vec<String> {
        for thing in repaired {
            self.repairs.entry(thing).or_default().push_back(now);
        }
        let fresh = left.difference(&self.given_up).cloned().collect();
        self.given_up.clone_from(left);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &str = "route 2001:db8::/64";

    fn things(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    struct Fight {
        disputes: Disputes,
        begin: Instant,
    }

    impl Fight {
        fn at(&self, seconds: u64) -> Instant {
            self.begin + Duration::from_secs(seconds)
        }

        /// The route is lost at this time: whether it is repaired.
        fn lost(&mut self, of: &str, seconds: u64) -> (bool, Vec<String>) {
            self.disputes.begin(Some(&of.to_owned()));
            let leave = self.disputes.leave(self.at(seconds));
            let stays = leave.contains(ROUTE);
            let left = if stays { things(&[ROUTE]) } else { BTreeSet::new() };
            let repaired = (!stays).then(|| ROUTE.to_owned());
            let fresh = self.disputes.settle(repaired.into_iter(), &left, self.at(seconds));
            (!stays, fresh)
        }
    }

    #[test]
    fn the_fourth_loss_in_a_minute_is_left_to_the_other_and_told_once() {
        let mut fight = Fight { disputes: Disputes::default(), begin: Instant::now() };
        for second in 0..3 {
            assert_eq!(fight.lost("one", second), (true, vec![]));
        }
        assert_eq!(fight.lost("one", 3), (false, vec![ROUTE.to_owned()]));
        assert_eq!(fight.lost("one", 4), (false, vec![]), "it is told once");
        assert_eq!(fight.lost("one", 500), (false, vec![]), "it stays given up while it is lost");
        assert_eq!(fight.lost("two", 501).1, Vec::<String>::new());
        assert!(fight.lost("two", 502).0, "a new apply begins anew");
    }

    #[test]
    fn rare_losses_are_always_repaired() {
        let mut fight = Fight { disputes: Disputes::default(), begin: Instant::now() };
        for minute in 0..20 {
            assert!(fight.lost("one", minute * 25).0, "every 25 s: at most three in a minute, and one of them is old");
        }
    }

    #[test]
    fn what_the_other_puts_back_is_no_longer_given_up() {
        let mut fight = Fight { disputes: Disputes::default(), begin: Instant::now() };
        (0..4).for_each(|second| drop(fight.lost("one", second)));
        let now = fight.at(100);
        fight.disputes.settle(std::iter::empty(), &BTreeSet::new(), now);
        assert!(fight.lost("one", 101).0);
    }
}
