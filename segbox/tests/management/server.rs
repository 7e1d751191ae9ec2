//! A DHCP server that says what a test wants it to say. Not here: what that is.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use segbox_lab::Namespace;

use crate::support::routers::ip;

pub(crate) const DISCOVER: u8 = 1;
pub(crate) const OFFER: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const DECLINE: u8 = 4;
pub(crate) const ACK: u8 = 5;
pub(crate) const NAK: u8 = 6;
pub(crate) const RELEASE: u8 = 7;

/// A client's message.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    bytes: Vec<u8>,
    pub(crate) kind: u8,
    /// The address that the client has.
    pub(crate) has: Ipv4Addr,
    /// Options 50 and 54.
    pub(crate) wants: Option<Ipv4Addr>,
    pub(crate) of: Option<Ipv4Addr>,
}

impl Asked {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(240..)?;
        let mut asked = Self { bytes: bytes.to_vec(), kind: 0, has: Ipv4Addr::UNSPECIFIED, wants: None, of: None };
        asked.has = <[u8; 4]>::try_from(&bytes[12..16]).ok()?.into();
        while let [code, length, tail @ ..] = rest {
            if *code == 255 {
                break;
            }
            let (data, next) = tail.split_at_checked((*length).into())?;
            let address = || <[u8; 4]>::try_from(data).ok().map(Ipv4Addr::from);
            match code {
                53 => asked.kind = data[0],
                50 => asked.wants = address(),
                54 => asked.of = address(),
                _ => {}
            }
            rest = next;
        }
        Some(asked)
    }

    /// An answer with these options, and the end behind them.
    pub(crate) fn answer(&self, address: [u8; 4], options: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = self.bytes[..240].to_vec();
        bytes[0] = 2;
        bytes[12..16].fill(0);
        bytes[16..20].copy_from_slice(&address);
        for (code, data) in options {
            bytes.push(*code);
            bytes.push(u8::try_from(data.len()).expect("a short option"));
            bytes.extend(*data);
        }
        bytes.push(255);
        bytes
    }

    /// An answer as an honest server gives it: for this time, with `other` instead of or beside the usual options.
    pub(crate) fn usual(&self, kind: u8, address: [u8; 4], seconds: u32, other: &[(u8, &[u8])]) -> Vec<u8> {
        let (time, kind) = (seconds.to_be_bytes(), [kind]);
        let usual: [(u8, &[u8]); 4] = [(53, &kind), (1, &[255, 255, 255, 0]), (51, &time), (54, &[192, 0, 2, 1])];
        let mut options: Vec<(u8, &[u8])> =
            usual.into_iter().filter(|(code, _)| other.iter().all(|(one, _)| one != code)).collect();
        options.extend(other.iter().filter(|(_, data)| !data.is_empty()));
        self.answer(address, &options)
    }

    /// An honest server's answer, whatever is asked.
    pub(crate) fn honest(&self, address: [u8; 4], seconds: u32) -> Vec<Vec<u8>> {
        match self.kind {
            DISCOVER => vec![self.usual(OFFER, address, seconds, &[])],
            REQUEST => vec![self.usual(ACK, address, seconds, &[])],
            _ => Vec::new(),
        }
    }
}

/// What a server says to a message.
type Says = Arc<Mutex<Box<dyn Fn(&Asked) -> Vec<Vec<u8>> + Send>>>;

/// The server on one port of a namespace.
pub(crate) struct Server {
    says: Says,
    heard: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Its port has 192.0.2.1/24 afterwards.
    pub(crate) fn new(
        namespace: &Namespace,
        port: &str,
        says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        ip(namespace, &format!("address add 192.0.2.1/24 dev {port}"));
        let socket = namespace.enter(|| on_port(port)).expect("the namespace is there");
        let socket = socket.expect("root may bind to a port");
        let says: Says = Arc::new(Mutex::new(Box::new(says)));
        let (heard, ends) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (to_say, to_hear, over) = (Arc::clone(&says), Arc::clone(&heard), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !over.load(Ordering::Relaxed) {
                let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
                let Some(asked) = Asked::read(&buffer[..length]) else { continue };
                let answers = to_say.lock().expect("no panic")(&asked);
                to_hear.lock().expect("no panic").push(asked);
                for answer in answers {
                    socket.send_to(&answer, (Ipv4Addr::BROADCAST, 68)).expect("a broadcast");
                }
            }
        });
        Self { says, heard, ends, thread: Some(thread) }
    }

    /// Says something else from now on.
    pub(crate) fn says(&self, says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + 'static) {
        *self.says.lock().expect("no panic") = Box::new(says);
    }

    /// The messages so far of this kind.
    pub(crate) fn heard(&self, kind: u8) -> Vec<Asked> {
        self.heard.lock().expect("no panic").iter().filter(|asked| asked.kind == kind).cloned().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A socket of the server's port on one interface.
fn on_port(port: &str) -> std::io::Result<UdpSocket> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind_to_device(socket.as_fd(), port)?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67))?;
    let socket = UdpSocket::from(socket);
    socket.set_broadcast(true)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    Ok(socket)
}

#[expect(unsafe_code, reason = "SO_BINDTODEVICE has no wrapper in rustix")]
fn bind_to_device(socket: std::os::fd::BorrowedFd<'_>, port: &str) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    let length = u32::try_from(port.len()).expect("a short name");
    // SAFETY: the pointer and the length are those of `port`, which the kernel reads during the call.
    let set = unsafe {
        let (level, name) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
        libc::setsockopt(socket.as_raw_fd(), level, name, port.as_ptr().cast(), length)
    };
    if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
