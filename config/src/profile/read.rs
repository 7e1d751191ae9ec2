//! Reads a hardware profile with the code that reads a segbox.toml. Not here: whether the profile fits a box.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Bpf, Cpu, Irq, Nic, Profile, Queues, Ring};
use crate::fault::{Fault, Faults, Found, ProfileFault};
use crate::forms;
use crate::grammar::{PROFILE, check};
use crate::place::Source;
use crate::toml::{Entry, Value, parse};

/// Reads a profile; its faults have `name` as the name of the file.
///
/// # Errors
///
/// All faults of the profile.
pub fn read(text: String, name: impl Into<String>) -> Result<Profile, Faults> {
    let source = Arc::new(Source::new(name.into(), text.into()));
    let mut faults = Found::default();
    let tree = parse(&source.text, &mut faults);
    check(&PROFILE, tree.root(), &mut faults);
    let profile = profile(tree.root());
    forwarding(tree.root(), &profile, &mut faults);
    if faults.len() == 0 { Ok(profile) } else { Err(Faults::new(Arc::clone(&source), faults)) }
}

fn profile(root: Entry<'_>) -> Profile {
    let matches = |key| text(root.get("match")?.get(key));
    Profile {
        description: text(root.get("description")).unwrap_or_default(),
        board: matches("board"),
        model: matches("cpu"),
        drivers: root.get("match").and_then(|entry| texts(entry.get("nics")?)),
        is_virtual: root.get("match").and_then(|entry| entry.get("virtual")?.bool()),
        any_driver: root.get("match").and_then(|entry| texts(entry.get("any-nic")?)),
        cpu: root.get("cpu").map(cpu).unwrap_or_default(),
        bpf: root.get("bpf").map(bpf).unwrap_or_default(),
        nics: root
            .get("nic")
            .into_iter()
            .flat_map(Entry::children)
            .map(|entry| (entry.key().to_owned(), nic(entry)))
            .collect(),
        sysctls: root.get("sysctl").into_iter().flat_map(Entry::children).filter_map(sysctl).collect(),
    }
}

fn cpu(entry: Entry<'_>) -> Cpu {
    let cpus = |key| forms::cpu_list(entry.get(key)?.text()?).ok();
    Cpu {
        governor: text(entry.get("governor")),
        max_cstate_latency_us: entry.get("max-cstate-latency-us").and_then(number),
        smt_off: entry.get("smt").and_then(Entry::text) == Some("off"),
        housekeeping: cpus("housekeeping"),
        forwarding: cpus("forwarding"),
    }
}

fn bpf(entry: Entry<'_>) -> Bpf {
    let jit = ["off", "on", "debug"].into_iter().zip(0..);
    let wanted = entry.get("jit").and_then(Entry::text);
    Bpf {
        jit: jit.into_iter().find(|(word, _)| Some(*word) == wanted).map(|(_, value)| value),
        harden: entry.get("harden").and_then(Entry::bool),
    }
}

fn nic(entry: Entry<'_>) -> Nic {
    let ring = |key| {
        let entry: Entry<'_> = entry.get(key)?;
        if entry.text().is_some() { Some(Ring::Max) } else { number(entry).map(Ring::Number) }
    };
    let is = |key, word| entry.get(key).and_then(Entry::text).map(|text| text == word);
    Nic {
        queues: entry.get("queues").and_then(|entry| {
            if entry.text().is_some() { Some(Queues::Forwarding) } else { number(entry).map(Queues::Number) }
        }),
        rx_ring: ring("rx-ring"),
        tx_ring: ring("tx-ring"),
        irq: entry.get("irq").and_then(Entry::text).and_then(|text| match text {
            PER_CPU => Some(Irq::OnePerForwardingCpu),
            list => forms::cpu_list(list).ok().map(Irq::Cpus),
        }),
        xps_same_cpu: is("xps", "same-cpu"),
        rps_forwarding: is("rps", FORWARDING),
        rss_hash: entry.get("rss-hash").and_then(texts),
        coalesce: named(entry.get("coalesce"), |entry| entry.bool().map(u32::from).or_else(|| number(entry))),
        offloads: named(entry.get("offloads"), Entry::bool),
        threaded_napi: entry.get("threaded-napi").and_then(Entry::bool),
    }
}

const FORWARDING: &str = "forwarding";
const PER_CPU: &str = "one-per-forwarding-cpu";

/// Adds the faults of CPUs that are in both lists, and of settings that need forwarding CPUs where there are none.
fn forwarding(root: Entry<'_>, profile: &Profile, faults: &mut Found) {
    let cpus = root.get("cpu");
    let list = |key| cpus.and_then(|cpus| cpus.get(key));
    if let (Some(keeping), Some(forwarding)) = (&profile.cpu.housekeeping, &profile.cpu.forwarding)
        && let Some(cpu) = keeping.iter().copied().find(|cpu| forwarding.contains(cpu))
        && let (Some(first), Some(second)) = (list("housekeeping"), list(FORWARDING))
    {
        faults.push(Fault::new(second.span(), ProfileFault::CpuTwice { cpu }).beside(first.span(), "housekeeping"));
    }
    if list(FORWARDING).is_some() {
        return;
    }
    for nic in root.get("nic").into_iter().flat_map(Entry::children) {
        for (key, word) in [("queues", FORWARDING), ("irq", PER_CPU), ("rps", FORWARDING)] {
            if let Some(entry) = nic.get(key).filter(|entry| entry.text() == Some(word)) {
                faults.push(Fault::new(entry.span(), ProfileFault::NoForwarding { key, word }));
            }
        }
    }
}

fn text(entry: Option<Entry<'_>>) -> Option<String> {
    entry.and_then(Entry::text).map(str::to_owned)
}

fn texts(entry: Entry<'_>) -> Option<Vec<String>> {
    (entry.value() == Value::List).then(|| entry.children().filter_map(|item| text(Some(item))).collect())
}

fn number(entry: Entry<'_>) -> Option<u32> {
    entry.int().and_then(|int| u32::try_from(int).ok())
}

fn named<'t, T>(entry: Option<Entry<'t>>, value: impl Fn(Entry<'t>) -> Option<T>) -> BTreeMap<String, T> {
    let entries = entry.into_iter().flat_map(Entry::children);
    entries.filter_map(|entry| Some((entry.key().to_owned(), value(entry)?))).collect()
}

fn sysctl(entry: Entry<'_>) -> Option<(String, String)> {
    let value = match entry.value() {
        Value::Text(text) => text.to_owned(),
        Value::Int(int) => int.to_string(),
        Value::Bool(bool) => u8::from(bool).to_string(),
        _ => return None,
    };
    Some((entry.key().to_owned(), value))
}
