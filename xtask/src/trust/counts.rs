//! How much there is in the kernel of what a leak would leave: BPF programs, BPF maps, memory.
#![expect(unsafe_code, reason = "bpf(2) has no wrapper here")]

use std::fs;
use std::io;

/// Commands of bpf(2), in include/uapi/linux/bpf.h.
const PROG_GET_NEXT_ID: libc::c_int = 11;
const MAP_GET_NEXT_ID: libc::c_int = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    programs: u64,
    maps: u64,
    /// KiB that the kernel has for itself and cannot give back: slabs, and what each CPU has its own of.
    memory: u64,
}

impl Counts {
    pub(super) fn now() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/meminfo")?;
        let line = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.trim_end_matches("kB").trim().parse::<u64>().ok())
        };
        let memory = ["SUnreclaim:", "Percpu:"].iter().filter_map(|name| line(name)).sum();
        Ok(Self { programs: count(PROG_GET_NEXT_ID)?, maps: count(MAP_GET_NEXT_ID)?, memory })
    }

    pub(super) fn least(self, other: Self) -> Self {
        Self {
            programs: self.programs.min(other.programs),
            maps: self.maps.min(other.maps),
            memory: self.memory.min(other.memory),
        }
    }

    /// Whether it is about as much as at first, so many cycles ago. Other work may have begun meanwhile; a leak grows with the cycles.
    ///
    /// # Errors
    /// What has grown.
    pub(super) fn has_not_grown(self, first: Self, cycles: u64) -> Result<(), String> {
        let few = cycles / 10;
        let most = Self {
            programs: first.programs + few,
            maps: first.maps + few,
            memory: first.memory + 64 * 1024 + 2 * cycles,
        };
        if self.programs > most.programs || self.maps > most.maps || self.memory > most.memory {
            return Err(format!("after {cycles} cycles there is {self:?}, and there was {first:?}"));
        }
        Ok(())
    }
}

/// What bpf(2) takes for these commands.
#[repr(C)]
struct Next {
    start: u32,
    next: u32,
    flags: u32,
}

/// How many ids there are.
fn count(command: libc::c_int) -> io::Result<u64> {
    let (mut next, mut found) = (Next { start: 0, next: 0, flags: 0 }, 0);
    loop {
        // SAFETY: the kernel reads and writes within the structure, whose length it is told.
        let answer = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut next, size_of::<Next>()) };
        if answer != 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(libc::ENOENT) { Ok(found) } else { Err(error) };
        }
        found += 1;
        next.start = next.next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_grows_with_the_cycles_and_other_work_does_not() {
        let first = Counts { programs: 10, maps: 20, memory: 100_000 };
        let busy = Counts { programs: 50, maps: 90, memory: 130_000 };
        assert_eq!(busy.has_not_grown(first, 1000), Ok(()));
        let leaks = [
            Counts { programs: 1010, ..first },
            Counts { maps: 1020, ..first },
            Counts { memory: 100_000 + 100 * 1000, ..first },
        ];
        assert!(leaks.iter().all(|leak| leak.has_not_grown(first, 1000).is_err()));
    }

    #[test]
    fn programs_are_counted() {
        // systemd or a test beside this may have some; none is no error.
        Counts::now().expect("root");
    }
}
