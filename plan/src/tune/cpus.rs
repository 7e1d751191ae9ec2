//! Which CPUs forward, and in which order a card's queues go to them. Not here: CPU lists as text (`value`).

use std::collections::BTreeSet;

use segbox_config::profile::Cpu;

use super::machine::Machine;

/// The CPUs that forward on this machine, ascending: those of the profile that are there, one thread per core, without the housekeeping
/// cores. If none is left, all cores without the housekeeping cores; if there is none either, all cores.
///
/// One thread per core, because the threads of a core share its units and caches: a second queue on it would slow the first. A profile that
/// wants both threads names them in `irq`.
pub(super) fn forwarding(profile: &Cpu, machine: &Machine) -> Vec<u32> {
    let core = |cpu: u32| machine.cpus.get(&cpu).map(|seen| (seen.package, seen.core));
    let keeping = profile.housekeeping.as_deref().unwrap_or_default();
    let kept: BTreeSet<_> = keeping.iter().filter_map(|cpu| core(*cpu)).collect();
    let one_a_core = |wanted: &dyn Fn(u32) -> bool| {
        let mut seen = BTreeSet::new();
        machine.cpus.keys().copied().filter(|cpu| wanted(*cpu) && seen.insert(core(*cpu))).collect::<Vec<_>>()
    };
    let listed = profile.forwarding.as_deref();
    let free = |cpu: u32| core(cpu).is_some_and(|core| !kept.contains(&core));
    let choices: [&dyn Fn(u32) -> bool; 3] =
        [&|cpu| free(cpu) && listed.is_none_or(|listed| listed.contains(&cpu)), &free, &|_| true];
    choices.into_iter().map(one_a_core).find(|cpus| !cpus.is_empty()).unwrap_or_default()
}

/// The same CPUs, those of this NUMA node first. A card writes packets to the memory of its node, from where CPUs of other nodes would
/// have to fetch them.
pub(super) fn near_first(cpus: &[u32], machine: &Machine, node: Option<u32>) -> Vec<u32> {
    let mut ordered = cpus.to_vec();
    let is_far = |cpu: &u32| node.is_some() && machine.cpus.get(cpu).and_then(|seen| seen.node) != node;
    ordered.sort_by_key(|cpu| (is_far(cpu), *cpu));
    ordered
}

#[cfg(test)]
mod tests {
    use super::super::machine::CpuSeen;
    use super::*;

    /// Four cores of two threads: CPU 0 and 4 are the first core.
    fn x3440() -> Machine {
        let cpu = |number: u32| (number, CpuSeen { core: number % 4, node: Some(0), ..CpuSeen::default() });
        Machine { cpus: (0..8).map(cpu).collect(), ..Machine::default() }
    }

    fn profile(housekeeping: &[u32], forwarding: Option<&[u32]>) -> Cpu {
        let housekeeping = Some(housekeeping.to_vec());
        Cpu { housekeeping, forwarding: forwarding.map(<[u32]>::to_vec), ..Cpu::default() }
    }

    #[test]
    fn one_thread_per_core_and_no_housekeeping_core() {
        let all: Vec<u32> = (1..64).collect();
        assert_eq!(forwarding(&profile(&[0], Some(&all)), &x3440()), [1, 2, 3]);
        assert_eq!(forwarding(&profile(&[0], Some(&[5, 6])), &x3440()), [5, 6]);
        assert_eq!(forwarding(&profile(&[0], None), &x3440()), [1, 2, 3]);
    }

    #[test]
    fn there_is_always_one() {
        let small = Machine { cpus: [(0, CpuSeen::default())].into(), ..Machine::default() };
        assert_eq!(forwarding(&profile(&[0], Some(&[1, 2])), &small), [0]);
        assert_eq!(forwarding(&profile(&[0], Some(&[40])), &x3440()), [1, 2, 3], "none of those listed is there");
        assert_eq!(forwarding(&Cpu::default(), &Machine::default()), [0; 0]);
    }

    #[test]
    fn the_cards_own_node_comes_first() {
        let cpu = |number: u32| (number, CpuSeen { core: number, node: Some(number / 2), ..CpuSeen::default() });
        let machine = Machine { cpus: (0..4).map(cpu).collect(), ..Machine::default() };
        assert_eq!(near_first(&[1, 2, 3], &machine, Some(1)), [2, 3, 1]);
        assert_eq!(near_first(&[1, 2, 3], &machine, None), [1, 2, 3]);
    }
}
