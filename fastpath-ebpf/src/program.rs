//! The programs' tools: the packet as the kernel shows it, the kernel's SRv6 helpers, and the verdict.
//!
//! A program is one file of `src/bin`: its globals, its maps, and one function that gets a [`Packet`] and returns a
//! [`Verdict`]. Everything here is inlined into it, and costs no instruction more than the same program in C.
//!
//! Only an SRH that follows the IPv6 header directly is read. Linux accepts a hop-by-hop header between them, but no sender
//! of one is known, and every program would pay for the check.

mod helper;
mod packet;
mod path;
mod report;

pub use aya_ebpf::{btf_maps as maps, macros::btf_map as map};
pub use helper::{Behavior, Encap, Refused};
pub use packet::{__sk_buff, FixedSrh, Ipv6, Packet};
pub use path::{Path, Room, Segments};
pub use report::{Events, Lost, now, report, sampled};

/// The program's answer: what the kernel does with the packet (`enum bpf_ret_code` in include/uapi/linux/bpf.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// Forward it: look up the destination.
    Ok = 0,
    /// Drop it.
    Drop = 2,
    /// The program chose the next hop (End.BPF only): forward it without a lookup.
    Redirect = 7,
    /// The program changed the packet (LWT only): look up the new destination. Linux 5.1.
    Reroute = 128,
}

/// The value that the loader gave a global. The read is volatile: the compiler would fold the constant that it sees.
#[inline(always)]
pub fn global<T: Copy>(place: &T) -> T {
    // SAFETY: a reference is valid for reads.
    unsafe { (&raw const *place).read_volatile() }
}

/// Puts into an object what every object needs: the licence, which the kernel checks before a program may call its helpers,
/// and a panic handler, which the language requires. No program can panic: its object would not link.
#[macro_export]
macro_rules! object {
    () => {
        #[unsafe(no_mangle)]
        #[unsafe(link_section = "license")]
        static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            loop {}
        }
    };
}
