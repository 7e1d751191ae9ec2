//! Power cuts while a configuration is written: whenever they come, the old file or the new one is there, whole, and the box
//! boots with it.
//!
//! QEMU is killed while it writes, the next boot is judged over the serial line, writes the next file and is killed in its turn. Not
//! here: the write cache of a disk, which a killed QEMU does not lose (`cache`).

use std::path::Path;
use std::time::{Duration, Instant};

use segbox_vm::edited::{boot, paste, text};
use segbox_vm::{Chance, image, turn, turns};

use segbox_vm::disk::Disk;

/// When to cut. It looks for the instant at which the new file takes the old one's place, from both sides, by the file that the last cut
/// left.
struct Moment {
    edge: f64,
    step: f64,
    last: Option<bool>,
}

impl Moment {
    /// `edge`: where it may be, in seconds.
    fn new(edge: f64) -> Self {
        Self { edge, step: edge / 4.0, last: None }
    }

    fn next(&mut self, chance: &mut Chance) -> Duration {
        let seconds = self.edge + self.step * (chance.share() * 2.0 - 1.0);
        Duration::from_secs_f64(seconds.max(0.0))
    }

    /// Whether the last cut left the new file.
    fn learn(&mut self, new: bool) {
        // The same again: it is further away than was thought. The other: it lies between.
        let again = self.last == Some(new);
        self.step = (self.step * if again { 1.5 } else { 0.7 }).clamp(0.01, 5.0);
        self.edge = (self.edge + if new { -self.step } else { self.step }).max(0.0);
        self.last = Some(new);
    }
}

/// One disk, cut so often. Gives how often the old file was there, and how often the new one.
fn chain(tools: &Path, cuts: u32, mut chance: Chance) -> Result<[usize; 2], String> {
    let disk = Disk::new(tools, &text(1));
    let (mut router, mut old) = boot(tools, &disk.path(), &[1])?;
    // How long the box works on a file once it has it.
    paste(&mut router, &text(2));
    let begin = Instant::now();
    router.answer(".");
    old += 1;
    let mut moment = Moment::new(begin.elapsed().as_secs_f64() / 2.0);
    let mut left = [0; 2];
    for new in 3..3 + cuts {
        paste(&mut router, &text(new));
        let cut = moment.next(&mut chance);
        router.type_in(".\r");
        std::thread::sleep(cut);
        router.vm.cut_power();
        let (next, found) =
            boot(tools, &disk.path(), &[old, new]).map_err(|why| format!("cut {cut:.0?} into `edit` {new}: {why}"))?;
        let is_new = found == new;
        left[usize::from(is_new)] += 1;
        moment.learn(is_new);
        (router, old) = (next, found);
    }
    Ok(left)
}

/// Cuts so many disks side by side, each so often. Each of the two files must be left so often: a moment that is always too early or too
/// late tests nothing.
fn cut(chains: usize, cuts: u32, either: usize) {
    let tools = image("tools");
    let mut chance = Chance::new("power cuts");
    let chains: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..chains)
            .map(|_| {
                let (tools, chance) = (&tools, chance.fork());
                scope.spawn(move || chain(tools, cuts, chance))
            })
            .collect();
        running.into_iter().map(|chain| chain.join().expect("a chain that fails says why")).collect()
    });
    let mut left = [0; 2];
    for chain in chains {
        let [old, new] = chain.unwrap_or_else(|why| panic!("{why}"));
        left = [left[0] + old, left[1] + new];
    }
    println!("{} power cuts: {} times the old file, {} times the new one", left[0] + left[1], left[0], left[1]);
    assert!(left.iter().all(|count| *count >= either), "the cuts fell on one side: {left:?}");
}

#[test]
fn the_old_configuration_or_the_new_one_survives_a_power_cut() {
    let _turn = turn();
    cut(1, 6, 1);
}

#[test]
fn slow_the_old_configuration_or_the_new_one_survives_thirty_power_cuts() {
    let _turn = turns(2);
    cut(2, 15, 6);
}
