//! A customer's host learns how long its packets may be: the core's Packet Too Big comes to the machine, which hands it back in the customer's
//! VRF. Both customers have the same addresses; only the segments tell whose packet it was.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Instant;

use segbox_lab::Namespace;

use super::{CUSTOMERS, PATIENCE, SITE_1, SITE_2, ip};

/// The core's MTU, and the headers of each customer's policies: reduced, with one segment, there is no SRH.
const CORE: i32 = 1500;
const HEADERS: [i32; 2] = [40, 40 + 8 + 16];

/// Each host, in each family.
pub(super) fn is_learnt(site_1: &[Namespace; 2]) {
    for (customer, host) in site_1.iter().enumerate() {
        for family in [0, 1] {
            let socket = socket(host, family);
            let begin = Instant::now();
            let expected = CORE - HEADERS[customer];
            while option(&socket, family) != expected {
                let found = option(&socket, family);
                assert!(begin.elapsed() < PATIENCE, "{}: {found} and not {expected}", CUSTOMERS[customer]);
                // As long as the host believes; EMSGSIZE where it has just learnt.
                let headers = if family == 0 { 28 } else { 48 };
                let _ = socket.send(&vec![0; usize::try_from(found - headers).expect("an MTU")]);
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
        }
    }
}

fn socket(host: &Namespace, family: usize) -> UdpSocket {
    let socket = host.enter(|| UdpSocket::bind((ip(SITE_1[family]), 0))).expect("there").expect("its address");
    socket.connect((ip(SITE_2[family]), 9)).expect("a route");
    let (level, name, value) = match family {
        0 => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO),
        _ => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DO),
    };
    let length = size_of::<i32>() as libc::socklen_t;
    #[expect(unsafe_code, reason = "std has no path MTU discovery")]
    // SAFETY: the pointer and the length are those of `value`.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    socket
}

/// The MTU that the host's kernel knows for the path.
fn option(socket: &UdpSocket, family: usize) -> i32 {
    let (level, name) =
        if family == 0 { (libc::IPPROTO_IP, libc::IP_MTU) } else { (libc::IPPROTO_IPV6, libc::IPV6_MTU) };
    let (mut mtu, mut length) = (0_i32, size_of::<i32>() as libc::socklen_t);
    #[expect(unsafe_code, reason = "std has no path MTU discovery")]
    // SAFETY: the pointers are those of `mtu` and of its length.
    let got = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut mtu).cast(), &raw mut length) };
    assert_eq!(got, 0, "{}", std::io::Error::last_os_error());
    mtu
}
