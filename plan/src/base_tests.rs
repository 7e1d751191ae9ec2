//! Interfaces that files name one after the other, in memory: each gets its settings and its name back.

use std::collections::BTreeSet;

use segbox_config::{Config, Kernel, Mac, Surroundings};

use super::*;
use crate::desired::{Context, Desired, desired, nothing};
use crate::diff::diff;
use crate::rounds::ROUNDS;
use crate::sysctl::{GLOBAL, OF_A_LINK, of_a_link};
use crate::test_files::name;
use crate::tune::Refusals;

/// Cards whose last byte of the MAC address, and PCI slot, is their place in the list.
fn host(names: &[&str]) -> Actual {
    let mut host = Actual::default();
    let global = GLOBAL.map(|name| (Setting::Sysctl(name.to_owned()), "0".to_owned()));
    host.state.settings.extend(global);
    for (number, text) in names.iter().enumerate() {
        let mac = Some(Mac([2, 0, 0, 0, 0, u8::try_from(number).expect("few")]));
        let pci = Some(format!("0000:0{number}:00.0"));
        host.links.push(LinkSeen { mac, pci, ..LinkSeen::named(name(text)) });
        host.state.settings.extend([
            (Setting::LinkMtu(name(text)), format!("150{number}")),
            (Setting::LinkUp(name(text)), "down".to_owned()),
        ]);
        for (family, sysctl) in OF_A_LINK {
            let sysctl = Setting::Sysctl(of_a_link(family, name(text), sysctl));
            host.state.settings.insert(sysctl, (number % 2).to_string());
        }
    }
    host
}

fn read(host: &Actual, file: &str) -> Config {
    let around = Surroundings { links: Some(host.links.clone()), ..Surroundings::default() };
    segbox_config::read(file.to_owned(), "segbox.toml")
        .resolve(&around)
        .unwrap_or_else(|faults| panic!("{faults}"))
        .config
}

/// As `segbox-router` makes a change. Returns the names that an undo needs.
fn change(host: &mut Actual, base: &mut Base, want: impl Fn(&Actual, &Base) -> Desired) -> Base {
    let mut known = base.clone();
    let mut names = Base::new();
    for _ in 0..ROUNDS {
        let plan = diff(&want(host, &known).state, host).round();
        plan.former_names(host, &mut names);
        plan.extend_base(host, base);
        plan.rename_base(host, &mut known);
        host.apply(&plan);
    }
    let want = want(host, &known);
    let left = diff(&want.state, host);
    assert!(left.is_empty(), "{left:?}");
    base.retain(|setting, _| !want.returned.contains(setting));
    names
}

fn apply(host: &mut Actual, base: &mut Base, file: &str) -> Base {
    let config = read(host, file);
    let kernel = Kernel { version: (6, 18), ..Kernel::default() };
    change(host, base, |actual, base| {
        desired(&config, Context { actual, base, kernel: &kernel, own_box: false, tuning: None })
    })
}

fn clear(host: &mut Actual, base: &mut Base) {
    change(host, base, |actual, base| nothing(actual, base, &Refusals::default()));
}

/// A file that names cards by a part of their hardware.
fn naming(ports: &[(&str, &str)]) -> String {
    let port = |(name, hardware): &(&str, &str)| {
        format!("[interface.{name}]\nmatch = {{ {hardware} }}\nmtu = 9000\nsrv6 = true\n")
    };
    ports.iter().map(port).collect()
}

const MAC0: &str = "mac = \"02:00:00:00:00:00\"";
const PCI0: &str = "pci = \"0000:00:00.0\"";
const MAC1: &str = "mac = \"02:00:00:00:00:01\"";

/// Files whose cards swap, move each other out of the way, and change the way in which they are named.
fn files() -> Vec<String> {
    [
        &[("x1", MAC0)][..],
        &[("x2", MAC0)],
        &[("x2", PCI0)],
        &[("eth1", MAC0)],
        &[("eth1", MAC0), ("eth0", MAC1)],
        &[("eth0", MAC1)],
        &[("x1", MAC1), ("x2", PCI0)],
        &[("x2", MAC1), ("x1", MAC0)],
    ]
    .map(naming)
    .into_iter()
    .chain(["[interface.lo]\n".to_owned(), String::new()])
    .collect()
}

#[test]
fn after_any_two_files_and_a_clear_every_card_is_as_it_was() {
    let before = host(&["eth0", "eth1", "lo"]);
    for first in files() {
        for second in files() {
            let (mut host, mut base) = (before.clone(), Base::new());
            apply(&mut host, &mut base, &first);
            apply(&mut host, &mut base, &second);
            assert!(apply(&mut host, &mut base, &second).is_empty());
            clear(&mut host, &mut base);
            assert_eq!(host, before, "{first}\n--\n{second}");
            assert_eq!(base, Base::new());
        }
    }
}

#[test]
fn the_undo_of_a_second_file_gives_every_card_its_name_and_settings() {
    let before = host(&["eth0", "eth1", "lo"]);
    for first in files() {
        for second in files() {
            let (mut host, mut base) = (before.clone(), Base::new());
            apply(&mut host, &mut base, &first);
            let between = host.clone();
            let config = read(&host, &second);
            let kernel = Kernel { version: (6, 18), ..Kernel::default() };
            let context = Context { actual: &host, base: &base, kernel: &kernel, own_box: false, tuning: None };
            let want = desired(&config, context);
            let foreseen = present_names(&host, want.state.settings.iter().chain(&base));
            let former = apply(&mut host, &mut base.clone(), &second);
            let after = host.clone();
            for names in [former, foreseen] {
                host = after.clone();
                let goal = between.state.to_go_back_to(names, &host);
                for _ in 0..ROUNDS {
                    host.apply(&diff(&goal, &host).round());
                }
                assert_eq!(host, between, "{first}\n--\n{second}");
            }
        }
    }
}

#[test]
fn a_name_that_another_program_has_given_meanwhile_stays_its() {
    let (mut host, mut base) = (host(&["eth0", "eth1"]), Base::new());
    apply(&mut host, &mut base, &naming(&[("wan", MAC0)]));
    let new = LinkSeen { mac: Some(Mac([6; 6])), ..LinkSeen::named(name("eth0")) };
    host.links.push(new);
    clear(&mut host, &mut base);
    let names: BTreeSet<_> = host.links.iter().map(|link| link.name.to_string()).collect();
    assert_eq!(names, BTreeSet::from(["wan", "eth1", "eth0"].map(str::to_owned)));
}

#[test]
fn a_change_that_breaks_off_before_its_rename_loses_nothing() {
    let before = host(&["eth0", "eth1", "lo"]);
    let (mut host, mut base) = (before.clone(), Base::new());
    apply(&mut host, &mut base, &naming(&[("x1", MAC0)]));
    let config = read(&host, &naming(&[("x2", MAC0)]));
    let kernel = Kernel { version: (6, 18), ..Kernel::default() };
    let context = Context { actual: &host, base: &base, kernel: &kernel, own_box: false, tuning: None };
    diff(&desired(&config, context).state, &host).round().extend_base(&host, &mut base);
    clear(&mut host, &mut base);
    assert_eq!(host, before);
}
