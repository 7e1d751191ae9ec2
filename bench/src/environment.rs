//! The environment of a run: everything about the machine that can change a figure, as far as the machine reports it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The machine as a run found it. Values that it does not report are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Environment {
    /// Model name of the CPU.
    pub(crate) cpu: String,
    /// Number of CPUs that the kernel schedules on.
    pub(crate) cpus: usize,
    /// The CPU that the measurement ran on.
    pub(crate) measured_on_cpu: usize,
    /// Whether it is a virtual machine.
    pub(crate) virtual_machine: bool,
    /// Frequency governor of that CPU.
    pub(crate) governor: String,
    /// SMT: `on`, `off`, `notsupported`.
    pub(crate) smt: String,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// Release and version of the kernel.
    pub(crate) kernel: String,
    /// By vulnerability: the kernel's mitigation.
    pub(crate) mitigations: BTreeMap<String, String>,
    /// net.core.bpf_jit_enable.
    pub(crate) bpf_jit: String,
    /// The ports that packets pass, by name.
    pub(crate) ports: BTreeMap<String, Port>,
    /// Interrupts of the ports, by name: the CPUs that may handle them.
    pub(crate) irqs: BTreeMap<String, String>,
    /// The output of `segbox --version`.
    pub(crate) segbox: String,
    /// segbench's version.
    pub(crate) segbench: String,
    /// The load average of the minute before. Above 1, other programs were running too.
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
    /// Mbit/s; 0 if the port has no speed.
    pub(crate) speed: u32,
    /// Offloads that are on and can be switched off, by the kernel's names.
    pub(crate) offloads: Vec<String>,
}

impl Port {
    /// Driver, firmware and offloads of a port of the calling thread's network namespace, without its speed. Empty if the driver
    /// reports nothing.
    pub(crate) fn read(name: &str) -> Self {
        let port = segbox_linux::tune::Port::of(name).unwrap_or_default();
        Self { driver: port.driver, firmware: port.firmware, speed: 0, offloads: port.offloads }
    }
}

impl Environment {
    /// This machine, as it is now.
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
        self.ports.insert(name.to_owned(), Port { speed, ..Port::read(name) });
        self.irqs.extend(irqs(name));
        self
    }

    /// Adds the ports of a testbed. All of them are veths: they have no interrupts, and their packets pass in softirqs of the CPU
    /// that sends them.
    pub(crate) fn with_testbed(mut self, ports: BTreeMap<String, Port>) -> Self {
        self.ports.extend(ports);
        self.irqs.insert("veth: no interrupts, softirqs".to_owned(), self.measured_on_cpu.to_string());
        self
    }

    /// The differences that make the figures of two runs incomparable, as text. Load, memory and the versions of segbox and
    /// segbench are not among them: comparing versions is the purpose.
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

/// Whether both runs had the same ports. Earlier runs in namespaces did not record their ports, which are veths.
fn alike(a: &BTreeMap<String, Port>, b: &BTreeMap<String, Port>) -> bool {
    let are_veths = |ports: &BTreeMap<String, Port>| ports.values().all(|port| port.driver == "veth");
    a == b || (a.is_empty() || b.is_empty()) && are_veths(a) && are_veths(b)
}

fn shown(text: &str) -> &str {
    if text.is_empty() { "(not known)" } else { text }
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

/// Interrupts whose names contain the port's name.
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
        assert_eq!(here.differences(&newer), Vec::<String>::new(), "runs of two versions can be compared");
        let other = Environment { cpu: "other".to_owned(), ..here.clone() };
        assert_eq!(here.differences(&other).len(), 1);
    }

    #[test]
    fn ports_are_alike_where_drivers_and_offloads_are() {
        let none = Environment::of_this_machine(1, String::new());
        let with = |driver: &str, offloads: &[&str]| {
            let offloads = offloads.iter().map(|name| (*name).to_owned()).collect();
            let port = Port { driver: driver.to_owned(), offloads, ..Port::default() };
            none.clone().with_testbed([("router eth0".to_owned(), port)].into())
        };
        let (veth, other, card) = (with("veth", &["tx"]), with("veth", &["tx", "rx-gro"]), with("ixgbe", &["tx"]));
        assert_eq!(veth.irqs.values().collect::<Vec<_>>(), ["1"], "on the CPU of the measurement");
        assert_eq!(veth.differences(&veth), Vec::<String>::new());
        assert_eq!(veth.differences(&none), Vec::<String>::new(), "a run from before ports were recorded");
        for (a, b) in [(&veth, &other), (&veth, &card), (&none, &card), (&card, &none)] {
            assert_eq!(a.differences(b), ["ports, their drivers or offloads"]);
        }
    }
}
