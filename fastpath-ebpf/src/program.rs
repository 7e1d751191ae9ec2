//! What the BPF programs are made of: the packet as the kernel shows it, the kernel's SRv6 helpers, and the verdict.
//!
//! A program is one file of `src/bin`: its globals, its maps, and one function that is given a [`Packet`] and returns
//! a [`Verdict`]. Everything here is inlined into it and costs no instruction that the same program in C would not.
//!
//! Does not parse beyond an SRH that follows the IPv6 header directly: Linux itself accepts a hop-by-hop header
//! between them, but nothing known to the authors sends one, and each program would pay for looking.

mod helper;
mod packet;
mod path;
mod report;

pub use aya_ebpf::{btf_maps as maps, macros::btf_map as map};
pub use helper::{Behavior, Encap, Refused};
pub use packet::{__sk_buff, FixedSrh, Ipv6, Packet};
pub use path::{Path, Room, Segments};
pub use report::{Events, Lost, now, report, sampled};

/// What the kernel shall do with the packet (`enum bpf_ret_code` in include/uapi/linux/bpf.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// Forward it: look the destination up.
    Ok = 0,
    /// Drop it.
    Drop = 2,
    /// The program chose the next hop (End.BPF only): forward it without looking up.
    Redirect = 7,
    /// The program changed the packet (LWT only): look the new destination up, wherever it leads. Linux 5.1.
    Reroute = 128,
}

/// A global as the loader has set it. By a volatile read: to the compiler it is a constant that it would fold.
#[inline(always)]
pub fn global<T: Copy>(place: &T) -> T {
    // SAFETY: a reference is valid for reading.
    unsafe { (&raw const *place).read_volatile() }
}

/// Puts in an object what every object needs: the licence, which the kernel asks for before it lends its helpers, and
/// a panic handler, which the language asks for. No program can panic: its object would not link.
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
