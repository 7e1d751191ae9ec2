//! Identifies network namespaces, and tells whether one still exists. Not here: entering or making namespaces.
#![expect(unsafe_code, reason = "SO_NETNS_COOKIE and file handles of namespaces have no wrapper in rustix")]

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

/// The calling thread's network namespace.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace, displayed as `264-4026532177`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace {
    /// SO_NETNS_COOKIE: the kernel gives each number to one namespace only while the box runs. Linux 5.14.
    cookie: u64,
    /// Its inode in nsfs. The kernel reuses inodes, but opens a namespace only by cookie and inode.
    inode: u32,
}

/// Whether a namespace still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It exists.
    Alive,
    /// It is gone, with everything in it.
    Gone,
    /// This kernel cannot tell.
    Unknown,
}

impl Namespace {
    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// ENOPROTOOPT before Linux 5.14; ENOENT without /proc.
    pub fn current() -> io::Result<Self> {
        let inode = std::fs::metadata(OWN)?.ino() as u32;
        let kind = rustix::net::SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::DGRAM, kind, None)?;
        let mut cookie = 0u64;
        let mut length = size_of::<u64>() as libc::socklen_t;
        // SAFETY: the pointers and the length are those of `cookie`.
        let answer = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_NETNS_COOKIE,
                (&raw mut cookie).cast(),
                &raw mut length,
            )
        };
        if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(Self { cookie, inode }) }
    }

    /// Whether it still exists.
    ///
    /// Since Linux 6.18 the cookie of a namespace is its id in nsfs. Its file can be opened by that id as long as a process, a socket, a
    /// mount or a descriptor holds the namespace. Older kernels have nothing that covers all four.
    pub fn fate(self) -> Fate {
        // If the kernel cannot open the present namespace, its ids are not cookies, or it has no such files.
        match Self::current().map(Self::open) {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return Fate::Unknown,
        }
        match self.open() {
            Ok(_) => Fate::Alive,
            Err(error) if error.raw_os_error() == Some(libc::ESTALE) => Fate::Gone,
            // It exists, and this process may not open it.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => Fate::Alive,
            Err(_) => Fate::Unknown,
        }
    }

    fn open(self) -> io::Result<OwnedFd> {
        /// struct file_handle with struct nsfs_file_handle (include/uapi/linux/nsfs.h) behind it.
        #[repr(C)]
        struct Handle {
            bytes: u32,
            kind: i32,
            id: u64,
            namespace_type: u32,
            inode: u32,
        }
        const FILEID_NSFS: i32 = 0xf1;
        let mut handle = Handle {
            bytes: 16,
            kind: FILEID_NSFS,
            id: self.cookie,
            namespace_type: libc::CLONE_NEWNET as u32,
            inode: self.inode,
        };
        let nsfs = std::fs::File::open(OWN)?;
        // SAFETY: the handle has the size in its first field, and the descriptor is open.
        let fd = unsafe {
            libc::open_by_handle_at(nsfs.as_raw_fd(), (&raw mut handle).cast(), libc::O_RDONLY | libc::O_CLOEXEC)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it for this process.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// The text is not that of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network namespace is written as its cookie and its inode, 264-4026532177")]
pub struct NoNamespace;

impl FromStr for Namespace {
    type Err = NoNamespace;

    fn from_str(text: &str) -> Result<Self, NoNamespace> {
        let (cookie, inode) = text.split_once('-').ok_or(NoNamespace)?;
        let (cookie, inode) = (cookie.parse().map_err(|_| NoNamespace)?, inode.parse().map_err(|_| NoNamespace)?);
        Ok(Self { cookie, inode })
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.cookie, self.inode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_we_are_in_is_never_gone() {
        let here = Namespace::current().expect("Linux 5.14");
        assert_eq!(Namespace::current().expect("Linux 5.14"), here);
        assert_ne!(here.fate(), Fate::Gone);
        assert_eq!(here.to_string().parse(), Ok(here));
        assert_eq!("stamp".parse::<Namespace>(), Err(NoNamespace));
    }
}
