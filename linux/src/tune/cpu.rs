//! The board, the CPUs, their frequency governors and simultaneous multithreading. Not here: which CPU does what.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use segbox_plan::tune::value::parse_cpu_list;
use segbox_plan::tune::{CpuSeen, Knob, Machine};

use super::error::TuneError;
use super::sysfs::{number, numbered, read, write};

const CPUS: &str = "/sys/devices/system/cpu";
/// Linux 4.19.
const SMT: &str = "/sys/devices/system/cpu/smt/control";

/// The machine, without its network cards.
pub(super) fn survey() -> Machine {
    let online = read(format!("{CPUS}/online")).as_deref().and_then(parse_cpu_list).unwrap_or_default();
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    Machine {
        board: read("/sys/class/dmi/id/board_name").filter(|board| !board.is_empty()),
        cpu: model(&cpuinfo),
        is_virtual: is_virtual(&cpuinfo),
        cpus: online.into_iter().map(|cpu| (cpu, seen(cpu))).collect(),
        ..Machine::default()
    }
}

/// `model name : Intel(R) Xeon(R) CPU X3440 @ 2.53GHz`
fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// X86_FEATURE_HYPERVISOR: `flags : fpu vme ... hypervisor ...`. Every hypervisor sets it (CPUID 1, ECX bit 31); no board does.
fn is_virtual(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).and_then(|line| line.split_once(':'));
    flags.is_some_and(|(_, flags)| flags.split_ascii_whitespace().any(|flag| flag == "hypervisor"))
}

fn seen(cpu: u32) -> CpuSeen {
    let folder = folder(cpu);
    // A CPU whose core is not known counts as a separate core.
    CpuSeen {
        package: number(folder.join("topology/physical_package_id")).unwrap_or(0),
        core: number(folder.join("topology/core_id")).unwrap_or(cpu),
        node: numbered(&folder, "node").first().copied(),
        governors: read(folder.join("cpufreq/scaling_available_governors"))
            .map(|text| text.split_ascii_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
    }
}

fn folder(cpu: u32) -> PathBuf {
    PathBuf::from(format!("{CPUS}/cpu{cpu}"))
}

fn governor(cpu: u32) -> PathBuf {
    folder(cpu).join("cpufreq/scaling_governor")
}

/// The knobs of the CPUs.
pub(super) fn observe(machine: &mut Machine, turns: &mut impl FnMut(Knob, String) -> Option<String>) {
    let governors: BTreeMap<u32, String> =
        machine.cpus.keys().filter_map(|cpu| Some((*cpu, read(governor(*cpu))?))).collect();
    for (cpu, governor) in governors {
        turns(Knob::Governor(cpu), governor);
    }
    match read(SMT).as_deref() {
        Some(control @ ("on" | "off")) => {
            turns(Knob::Smt, control.to_owned());
        }
        // The cores have one thread, or the kernel's command line turns the second one off: it stays off.
        Some("forceoff" | "notsupported") => {
            machine.fixed.insert(Knob::Smt, "off".to_owned());
        }
        _ => {}
    }
}

pub(super) fn set_smt(value: &str) -> Result<(), TuneError> {
    write(SMT, value)
}

pub(super) fn set_governor(cpu: u32, value: &str) -> Result<(), TuneError> {
    write(governor(cpu), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_model_among_the_rest() {
        let text = "processor\t: 0\nmodel\t\t: 30\nmodel name\t: Intel(R) Xeon(R) CPU X3440  @ 2.53GHz\n";
        assert_eq!(model(text).as_deref(), Some("Intel(R) Xeon(R) CPU X3440  @ 2.53GHz"));
        assert_eq!(model("processor\t: 0\n"), None);
    }

    #[test]
    fn finds_the_hypervisor_among_the_flags() {
        let text = "model name\t: hypervisor\nflags\t\t: fpu vme hypervisor lahf_lm\nbugs\t\t: spectre_v1\n";
        assert!(is_virtual(text));
        assert!(!is_virtual(&text.replace("vme hypervisor", "vme")));
        assert!(!is_virtual(""));
    }

    #[test]
    fn this_machine_has_a_cpu() {
        assert!(!survey().cpus.is_empty());
    }
}
