//! Where a run was measured: all that a figure depends on and that the machine tells.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A machine as a run found it. What it does not tell is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Environment {
    /// Model name of the CPU.
    pub(crate) cpu: String,
    /// CPUs that the kernel schedules on.
    pub(crate) cpus: usize,
    /// The CPU that everything ran on.
    pub(crate) measured_on_cpu: usize,
    /// Whether it is a guest of a hypervisor.
    pub(crate) virtual_machine: bool,
    /// Frequency governor of that CPU.
    pub(crate) governor: String,
    /// SMT: `on`, `off`, `notsupported`.
    pub(crate) smt: String,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// Release and version of the kernel.
    pub(crate) kernel: String,
    /// By vulnerability: what the kernel does against it.
    pub(crate) mitigations: BTreeMap<String, String>,
    /// net.core.bpf_jit_enable, and whether it can be switched.
    pub(crate) bpf_jit: String,
    /// Where packets pass: driver, firmware, offloads.
    pub(crate) ports: BTreeMap<String, Port>,
    /// Interrupts of the ports, by name: CPUs that may take them.
    pub(crate) irqs: BTreeMap<String, String>,
    /// What `segbox --version` says.
    pub(crate) segbox: String,
    /// segbench's own version.
    pub(crate) segbench: String,
    /// Processes that wanted a CPU in the minute before: above 1 others were working as well.
    pub(crate) load_before: String,
}

/// A port's driver and settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Port {
    /// Its driver.
    pub(crate) driver: String,
    /// Version of its firmware.
    pub(crate) firmware: String,
    /// Mbit/s; 0 where there is no such thing.
    pub(crate) speed: u32,
    /// Offloads that are on and can be turned off, by the kernel's names.
    pub(crate) offloads: Vec<String>,
}

impl Port {
    /// What a port of the calling thread's network namespace tells, which is not its speed. Without a driver to ask it is nothing.
    pub(crate) fn told(name: &str) -> Self {
        let told = segbox_linux::tune::Port::of(name).unwrap_or_default();
        Self { driver: told.driver, firmware: told.firmware, speed: 0, offloads: told.offloads }
    }
}

impl Environment {
    /// This machine now.
    pub(crate) fn of_this_machine(cpu: usize, segbox: String) -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let memory = read("/proc/meminfo");
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
        Self {
            cpu: model.map(|(_, model)| model.trim().to_owned()).unwrap_or_default(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            measured_on_cpu: cpu,
            virtual_machine: cpuinfo.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor")),
            governor: or(
                read(format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor")),
                "none (no cpufreq)",
            ),
            smt: or(read("/sys/devices/system/cpu/smt/control"), "unknown"),
            memory_mib: memory.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or_default() / 1024,
            kernel: format!("{} {}", read("/proc/sys/kernel/osrelease"), read("/proc/sys/kernel/version")),
            mitigations: mitigations(),
            bpf_jit: read("/proc/sys/net/core/bpf_jit_enable"),
            ports: BTreeMap::new(),
            irqs: BTreeMap::new(),
            segbox,
            segbench: env!("CARGO_PKG_VERSION").to_owned(),
            load_before: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    /// Adds a port of this network namespace.
    pub(crate) fn with_port(mut self, name: &str) -> Self {
        let folder = format!("/sys/class/net/{name}");
        let speed = read(format!("{folder}/speed")).parse::<i64>().unwrap_or_default().max(0) as u32;
        self.ports.insert(name.to_owned(), Port { speed, ..Port::told(name) });
        self.irqs.extend(irqs(name));
        self
    }

    /// Adds the ports of a test bed, all of them veths: they have no interrupts, and their packets pass in softirqs of the CPU
    /// that sends them.
    pub(crate) fn with_bed(mut self, ports: BTreeMap<String, Port>) -> Self {
        self.ports.extend(ports);
        self.irqs.insert("veth: no interrupts, softirqs".to_owned(), self.measured_on_cpu.to_string());
        self
    }

    /// What makes figures of two runs incomparable, in words; empty if nothing does. Load, memory and versions of ours do
    /// not: comparing versions is what it is for.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let texts = [
            ("CPU", &self.cpu, &other.cpu),
            ("governor", &self.governor, &other.governor),
            ("SMT", &self.smt, &other.smt),
            ("kernel", &self.kernel, &other.kernel),
            ("BPF JIT", &self.bpf_jit, &other.bpf_jit),
        ];
        let mut found: Vec<_> = texts
            .into_iter()
            .filter(|(_, a, b)| a != b)
            .map(|(what, a, b)| format!("{what}: {} and {}", shown(a), shown(b)))
            .collect();
        if self.cpus != other.cpus {
            found.push(format!("CPUs: {} and {}", self.cpus, other.cpus));
        }
        if self.mitigations != other.mitigations {
            found.push("mitigations of CPU vulnerabilities".to_owned());
        }
        if !alike(&self.ports, &other.ports) {
            found.push("ports, their drivers or offloads".to_owned());
        }
        found
    }
}

/// Whether figures from both are of the same ports. Runs in namespaces did not always tell theirs, which are veths.
fn alike(a: &BTreeMap<String, Port>, b: &BTreeMap<String, Port>) -> bool {
    let are_veths = |ports: &BTreeMap<String, Port>| ports.values().all(|port| port.driver == "veth");
    a == b || (a.is_empty() || b.is_empty()) && are_veths(a) && are_veths(b)
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "(not told)" } else { text }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

fn mitigations() -> BTreeMap<String, String> {
    let Ok(folder) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else { return BTreeMap::new() };
    let entries = folder.flatten().map(|entry| (entry.file_name().to_string_lossy().into_owned(), read(entry.path())));
    entries.filter(|(_, does)| does != "Not affected").collect()
}

/// Interrupts whose names have the port's in them.
fn irqs(port: &str) -> BTreeMap<String, String> {
    let text = read("/proc/interrupts");
    let ours = text.lines().filter_map(|line| {
        let (number, rest) = line.trim().split_once(':')?;
        let name = rest.split_whitespace().last()?;
        let cpus = read(format!("/proc/irq/{number}/smp_affinity_list"));
        name.contains(port).then(|| (name.to_owned(), cpus))
    });
    ours.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_like_itself_and_not_like_another() {
        let here = Environment::of_this_machine(0, "segbox 1".to_owned());
        assert!(!here.kernel.trim().is_empty());
        let newer = Environment { segbox: "segbox 2".to_owned(), load_before: "9".to_owned(), ..here.clone() };
        assert_eq!(here.differences(&newer), Vec::<String>::new(), "two versions are there to be compared");
        let other = Environment { cpu: "other".to_owned(), ..here.clone() };
        assert_eq!(here.differences(&other).len(), 1);
    }

    #[test]
    fn ports_are_alike_where_drivers_and_offloads_are() {
        let none = Environment::of_this_machine(1, String::new());
        let with = |driver: &str, offloads: &[&str]| {
            let offloads = offloads.iter().map(|name| (*name).to_owned()).collect();
            let port = Port { driver: driver.to_owned(), offloads, ..Port::default() };
            none.clone().with_bed([("router eth0".to_owned(), port)].into())
        };
        let (veth, other, card) = (with("veth", &["tx"]), with("veth", &["tx", "rx-gro"]), with("ixgbe", &["tx"]));
        assert_eq!(veth.irqs.values().collect::<Vec<_>>(), ["1"], "on the CPU that was measured on");
        assert_eq!(veth.differences(&veth), Vec::<String>::new());
        assert_eq!(veth.differences(&none), Vec::<String>::new(), "a run from before they were told");
        for (a, b) in [(&veth, &other), (&veth, &card), (&none, &card), (&card, &none)] {
            assert_eq!(a.differences(b), ["ports, their drivers or offloads"]);
        }
    }
}
