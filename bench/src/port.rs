//! Ports and CPUs of this machine, as arguments name them.

use std::fs;
use std::io;
use std::str::FromStr;

use rustix::thread::{CpuSet, sched_setaffinity};
use segbox_lab::Mac;

/// An Ethernet address as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MacArgument(pub(crate) Mac);

impl FromStr for MacArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: Option<Vec<u8>> = text
            .trim()
            .split(':')
            .map(|part| if part.len() == 2 { u8::from_str_radix(part, 16).ok() } else { None })
            .collect();
        let mac = bytes.and_then(|bytes| bytes.try_into().ok());
        mac.map(Self).ok_or_else(|| format!("{text:?} is no Ethernet address; write 02:00:00:00:00:01"))
    }
}

/// The Ethernet address of an interface of the caller's network namespace.
///
/// # Errors
/// There is no such interface.
pub(crate) fn mac_of(interface: &str) -> io::Result<Mac> {
    let text = fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
    text.parse().map(|MacArgument(mac)| mac).map_err(io::Error::other)
}

/// Ties the calling thread to a CPU: with it what its softirqs do.
///
/// # Errors
/// There is no such CPU, or the process may not use it.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::Error::other(format!("there is no CPU {cpu}")));
    }
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// The CPU to measure on if none is named: the last one, since the first takes most interrupts.
pub(crate) fn last_cpu() -> usize {
    std::thread::available_parallelism().map_or(0, |count| count.get() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        assert_eq!("02:00:00:00:0a:ff".parse(), Ok(MacArgument([2, 0, 0, 0, 10, 255])));
        for wrong in
            ["", "02:00:00:00:0a", "2:0:0:0:a:ff", "02-00-00-00-00-01", "02:00:00:00:0a:ff:01", "0z:00:00:00:00:00"]
        {
            assert!(wrong.parse::<MacArgument>().is_err(), "{wrong}");
        }
    }
}
