//! Wishes for the box: CPUs, BPF, sysctls. Not here: its network cards.

use segbox_config::profile::Profile;

use super::knob::Knob;
use super::machine::Machine;
use super::wish::Wishes;
use crate::state::Setting;
use crate::sysctl;

/// The note where no keeper runs.
const NO_KEEPER: &str = "it lasts only while a process holds it: segbox as PID 1 does, and `segbox keep` on another system; until then the CPUs sleep as deeply as they like";

pub(super) fn tune(profile: &Profile, machine: &Machine, wishes: &mut Wishes<'_>) {
    let cpu = &profile.cpu;
    if cpu.smt_off {
        wishes.wish(Setting::Tuning(Knob::Smt), "off");
    }
    if let Some(governor) = &cpu.governor {
        governors(governor, machine, wishes);
    }
    if let Some(latency) = cpu.max_cstate_latency_us {
        let setting = Setting::Tuning(Knob::WakeupLatency);
        if machine.keeper {
            wishes.wish(setting, latency.to_string());
        } else {
            wishes.lack(setting, latency.to_string(), NO_KEEPER);
        }
    }
    let own = [
        ("net.core.bpf_jit_enable", profile.bpf.jit.map(|value| value.to_string())),
        ("net.core.bpf_jit_harden", profile.bpf.harden.map(|value| u8::from(value).to_string())),
    ];
    let own = own.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
    let listed = profile.sysctls.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in own.chain(listed) {
        let setting = Setting::Sysctl(name.to_owned());
        if name == sysctl::FLOW_LABEL && wishes.asked(&setting).is_some() {
            wishes.lack(setting, value, "`flow-label` of the file decides");
        } else if sysctl::TUNING.contains(&name) || name == sysctl::FLOW_LABEL {
            wishes.wish(setting, value);
        } else {
            wishes.lack(setting, value, "not on the list of sysctls that a profile may set");
        }
    }
}

fn governors(wanted: &str, machine: &Machine, wishes: &mut Wishes<'_>) {
    for (cpu, seen) in &machine.cpus {
        let setting = Setting::Tuning(Knob::Governor(*cpu));
        if seen.governors.is_empty() {
            wishes.lack(setting, wanted, "no frequency scaling here: hypervisor or firmware choose");
        } else if seen.governors.iter().any(|one| one == wanted) {
            wishes.wish(setting, wanted);
        } else {
            wishes.lack(setting, wanted, format!("this kernel has {}", seen.governors.join(" ")));
        }
    }
}
