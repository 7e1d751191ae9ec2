//! Receiving a datagram with its sender and one control message, and the options of a socket. Not here: which sockets.
#![expect(unsafe_code, reason = "recvmsg and most options have no wrapper in rustix")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use segbox_config::IfName;

/// A structure of the kernel's interface for which every byte pattern is a value.
///
/// # Safety
/// That is so.
pub(crate) unsafe trait Plain {}
// SAFETY: they hold integers and arrays of integers.
unsafe impl Plain for libc::sockaddr_in6 {}
// SAFETY: the same.
unsafe impl Plain for libc::sockaddr_ll {}
// SAFETY: the same.
unsafe impl Plain for libc::in6_pktinfo {}
// SAFETY: the same.
unsafe impl Plain for libc::tpacket_auxdata {}
// SAFETY: it is an integer.
unsafe impl Plain for i32 {}

/// Room for one control message.
#[repr(C, align(8))]
pub(crate) struct Control(pub(crate) [MaybeUninit<u8>; 64]);

/// Receives a datagram into `buffer`: its length, its sender, and its first control message if it is of this level and type. None if none waits.
pub(crate) fn receive<A: Plain, C: Plain>(
    socket: &OwnedFd,
    buffer: &mut [u8],
    kind: (i32, i32),
) -> io::Result<Option<(usize, A, Option<C>)>> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all-zero bytes are a valid A, as its trait says, and a valid msghdr.
    let (mut from, mut header) = unsafe { (std::mem::zeroed::<A>(), std::mem::zeroed::<libc::msghdr>()) };
    let mut control = Control([MaybeUninit::uninit(); 64]);
    header.msg_name = (&raw mut from).cast();
    header.msg_namelen = length_of::<A>();
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len();
    // SAFETY: every pointer in the header leads to a value of this function or of the caller that outlives the call, with its length.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) };
    let Ok(length) = usize::try_from(length) else {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        };
    };
    Ok(Some((length.min(buffer.len()), from, told(&header, kind))))
}

/// The content of the first control message.
fn told<C: Plain>(header: &libc::msghdr, kind: (i32, i32)) -> Option<C> {
    // SAFETY: the kernel filled in the control buffer and its length; CMSG_FIRSTHDR checks that a whole header is there.
    let message = unsafe { libc::CMSG_FIRSTHDR(header).as_ref() }?;
    if (message.cmsg_level, message.cmsg_type) != kind || message.cmsg_len < control_length::<C>() {
        return None;
    }
    // SAFETY: the length was compared with that of the structure, for which every byte pattern is a value.
    Some(unsafe { libc::CMSG_DATA(message).cast::<C>().read_unaligned() })
}

/// Sets an option of a socket.
pub(crate) fn set<T>(socket: &OwnedFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    let value: *const T = value;
    // SAFETY: the pointer and the length are those of `value`, which the kernel reads during the call.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.cast(), length_of::<T>()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Binds a socket to an interface.
pub(crate) fn bind_to(socket: &OwnedFd, port: IfName) -> io::Result<()> {
    let mut name = [0_u8; libc::IFNAMSIZ];
    name[..port.as_str().len()].copy_from_slice(port.as_str().as_bytes());
    set(socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &name)
}

/// Sends a datagram to an address.
pub(crate) fn send_to<A: Plain>(socket: &OwnedFd, bytes: &[u8], to: &A) -> io::Result<()> {
    let to: *const A = to;
    // SAFETY: both pointers lead to values that outlive the call, with their lengths.
    let sent = unsafe {
        let (data, flags) = (bytes.as_ptr().cast(), libc::MSG_DONTWAIT);
        libc::sendto(socket.as_raw_fd(), data, bytes.len(), flags, to.cast(), length_of::<A>())
    };
    if sent == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub(crate) fn length_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

/// The value of cmsg_len (CMSG_LEN): the header, padded, and the value.
pub(crate) const fn control_length<T>() -> usize {
    size_of::<libc::cmsghdr>().next_multiple_of(align_of::<libc::cmsghdr>()) + size_of::<T>()
}
