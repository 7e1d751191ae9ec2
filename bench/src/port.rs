//! Ports and CPUs of this machine, as arguments and lab.toml name them.

use std::fmt;
use std::fs;
use std::io;
use std::str::FromStr;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use segbox_lab::Mac;

use crate::stop;

/// An Ethernet address as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MacArgument(pub(crate) Mac);

impl fmt::Display for MacArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.map(|byte| format!("{byte:02x}"));
        f.write_str(&parts.join(":"))
    }
}

impl FromStr for MacArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: Option<Vec<u8>> = text
            .trim()
            .split(':')
            .map(|part| if part.len() == 2 { u8::from_str_radix(part, 16).ok() } else { None })
            .collect();
        let mac = bytes.and_then(|bytes| bytes.try_into().ok());
        mac.map(Self).ok_or_else(|| format!("{text:?} is not an Ethernet address; write it like 02:00:00:00:00:01"))
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

/// How long a link may take to come back: a NIC restarts when it gets its first XDP program.
pub(crate) const RESTARTED: Duration = Duration::from_secs(15);

/// Waits for an interface's link, or for a request to stop. Returns whether the interface has a link.
pub(crate) fn linked(interface: &str, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    loop {
        let carrier = fs::read_to_string(format!("/sys/class/net/{interface}/carrier"));
        if carrier.is_ok_and(|carrier| carrier.trim() == "1") {
            return true;
        }
        if stop::requested() || Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ties the calling thread, and so its softirqs, to a CPU.
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

/// The default CPU to measure on: the last one, because the first one handles most interrupts.
pub(crate) fn last_cpu() -> usize {
    std::thread::available_parallelism().map_or(0, |count| count.get() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        assert_eq!("02:00:00:00:0a:ff".parse(), Ok(MacArgument([2, 0, 0, 0, 10, 255])));
        assert_eq!(MacArgument([2, 0, 0, 0, 10, 255]).to_string(), "02:00:00:00:0a:ff");
        for wrong in
            ["", "02:00:00:00:0a", "2:0:0:0:a:ff", "02-00-00-00-00-01", "02:00:00:00:0a:ff:01", "0z:00:00:00:00:00"]
        {
            assert!(wrong.parse::<MacArgument>().is_err(), "{wrong}");
        }
    }
}
