//! A packet socket whose frames the kernel writes into a ring of shared memory (TPACKET_V2, Documentation/networking/
//! packet_mmap.rst).
//!
//! The reason is not speed. A socket without a ring queues the packet itself, which is still under way: a router that
//! rewrites the packet's destination changes what the taps before the router read. A frame in a ring is a copy of what passed.

#![expect(unsafe_code, reason = "memory shared with the kernel, and socket options that rustix does not have")]

use std::io;
use std::mem::{size_of, size_of_val, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Size of a slot in bytes, with its header: room for an Ethernet frame with many segments.
const SLOT: usize = 4096;
/// Slots in one contiguous block of the kernel's memory. Even a busy machine can allocate 64 KiB in one piece.
const SLOTS_PER_BLOCK: usize = 16;
/// Frames that can wait to be read: 0.4 seconds at 20,000 per second, 32 MiB.
const SLOTS: usize = 8192;

/// The ring, and the socket that fills it.
#[derive(Debug)]
pub(crate) struct Ring {
    socket: OwnedFd,
    memory: NonNull<u8>,
    /// The next slot that the kernel fills.
    next: usize,
}

/// A frame that passed, and whether it was outgoing.
pub(crate) type Passed = (Vec<u8>, bool);

// SAFETY: only the ring points into the memory until it is dropped, and no thread keeps such a pointer.
unsafe impl Send for Ring {}

impl Ring {
    /// A ring on no interface yet, in the calling thread's namespace.
    pub(crate) fn new() -> io::Result<Self> {
        // With protocol 0 it receives nothing before bind names the interface, so it gets no frame of another interface.
        // SAFETY: no pointers.
        let socket = match unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) } {
            -1 => return Err(io::Error::last_os_error()),
            // SAFETY: the descriptor is new, and nothing else uses it.
            fd => unsafe { OwnedFd::from_raw_fd(fd) },
        };
        set_option(&socket, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V2 as libc::c_int))?;
        let request = libc::tpacket_req {
            tp_block_size: (SLOT * SLOTS_PER_BLOCK) as u32,
            tp_block_nr: (SLOTS / SLOTS_PER_BLOCK) as u32,
            tp_frame_size: SLOT as u32,
            tp_frame_nr: SLOTS as u32,
        };
        set_option(&socket, libc::PACKET_RX_RING, &request)?;
        // SAFETY: the kernel chooses the address; the length is that of the ring that was just requested.
        let memory = unsafe {
            let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
            libc::mmap(std::ptr::null_mut(), SLOT * SLOTS, protection, flags, socket.as_raw_fd(), 0)
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).expect("mmap without MAP_FIXED gives no null");
        Ok(Self { socket, memory, next: 0 })
    }

    /// Fills it from one interface, from now on.
    pub(crate) fn bind(&self, index: u32) -> io::Result<()> {
        // SAFETY: all bytes zero is a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index.cast_signed();
        let length = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address lives until the call returns, and has this length.
        match unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), length) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The next frame, if one is there.
    ///
    /// # Errors
    /// Frames were lost because they were not read in time, or a frame is longer than a slot: a test would draw wrong
    /// conclusions from the rest.
    pub(crate) fn read(&mut self) -> io::Result<Option<Passed>> {
        // SAFETY: a slot starts with its header, whose first word is the slot's status; slots are aligned.
        let (slot, status) = unsafe {
            let slot = self.memory.add(self.next * SLOT);
            (slot, AtomicU32::from_ptr(slot.as_ptr().cast()))
        };
        // Acquire: what the kernel wrote before it released the slot is visible to the reads below.
        let flags = status.load(Ordering::Acquire);
        if flags & libc::TP_STATUS_USER == 0 {
            return Ok(None);
        }
        // SAFETY: the kernel has released the slot, and has written a header and an address behind it.
        let (header, from) = unsafe {
            let header: libc::tpacket2_hdr = slot.cast().read();
            let from: libc::sockaddr_ll = slot.add(size_of::<libc::tpacket2_hdr>()).cast().read();
            (header, from)
        };
        let (at, kept) = (usize::from(header.tp_mac), header.tp_snaplen as usize);
        let cut = header.tp_len as usize > kept || at + kept > SLOT;
        let mut frame = vec![0; if cut { 0 } else { kept }];
        // SAFETY: the bytes are within the slot, which the kernel has released.
        unsafe { slot.add(at).copy_to_nonoverlapping(NonNull::from(&mut frame[..]).cast(), frame.len()) };
        // Release: the kernel writes to the slot only after the reads above.
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % SLOTS;
        if flags & libc::TP_STATUS_LOSING != 0 {
            return Err(io::Error::other("frames were lost because they passed faster than they were read"));
        }
        if cut {
            return Err(io::Error::other(format!(
                "a frame of {} bytes passed, which is longer than a tap can keep",
                header.tp_len
            )));
        }
        Ok(Some((frame, from.sll_pkttype == libc::PACKET_OUTGOING)))
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it with this length, and nothing points into it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), SLOT * SLOTS) };
    }
}

fn set_option<T>(socket: &OwnedFd, name: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of_val(value) as libc::socklen_t;
    let value = std::ptr::from_ref(value).cast();
    // SAFETY: the value lives until the call returns, and has this length.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, name, value, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
