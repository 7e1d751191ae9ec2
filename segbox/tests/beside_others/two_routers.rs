//! Two hosts, and two routers between them that carry their traffic over policies, both ways and for both families.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use segbox_lab::{Cable, Host, Lab, Topology};

use crate::support::files::Files;
use crate::support::segbox::apply;

/// The other host's addresses.
const B: [&str; 2] = ["2001:db8:b::2", "198.51.100.130"];
/// How long a packet and its answer may take on a busy machine. It is also how long a loss takes.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) struct TwoRouters {
    pub(crate) lab: Lab,
    pub(crate) files: Files,
}

/// r1's file; r2's is the same with the numbers exchanged.
const R1: &str = include_str!("r1.toml");
const R2: &str = include_str!("r2.toml");

impl TwoRouters {
    pub(crate) fn new() -> Self {
        let host = |name, addresses, gateways| Host { name, interface: "eth0", addresses, gateways };
        let lab = Topology {
            routers: &["r1", "r2"],
            hosts: &[
                host("a", &["2001:db8:a::2/64", "198.51.100.2/25"], &["2001:db8:a::1", "198.51.100.1"]),
                host("b", &["2001:db8:b::2/64", "198.51.100.130/25"], &["2001:db8:b::1", "198.51.100.129"]),
            ],
            cables: &[
                Cable("a", "eth0", "r1", "eth0"),
                Cable("r1", "eth1", "r2", "eth0"),
                Cable("r2", "eth1", "b", "eth0"),
            ],
        }
        .build()
        .expect("these tests make network namespaces: run them as root");
        let network = Self { lab, files: Files::new() };
        network.apply();
        apply(&network.lab["r2"], &network.files.write("r2.toml", R2));
        assert_eq!(network.passes(), [true, true], "nothing else runs here");
        network
    }

    /// Applies r1's file.
    pub(crate) fn apply(&self) {
        apply(&self.lab["r1"], &self.files.write("r1.toml", R1));
    }

    /// Whether a TCP connection of IPv6, and one of IPv4, is made, used and closed by both sides.
    pub(crate) fn passes(&self) -> [bool; 2] {
        std::thread::scope(|scope| {
            B.map(|address| scope.spawn(|| self.talks(address))).map(|one| one.join().expect("no panic"))
        })
    }

    fn talks(&self, address: &str) -> bool {
        let address: IpAddr = address.parse().expect("an address");
        let listener = self.lab["b"].enter(|| TcpListener::bind((address, 0))).expect("a namespace").expect("a port");
        let to = listener.local_addr().expect("it is bound");
        std::thread::scope(|scope| {
            let server = scope.spawn(|| answer(&listener));
            let client = self.lab["a"].enter(|| ask(to)).expect("a namespace");
            // The server may wait for a client that never comes: this one is on its own host.
            drop(self.lab["b"].enter(|| TcpStream::connect_timeout(&to, PATIENCE)));
            server.join().expect("no panic") && client.is_ok_and(|said| said == b"hello")
        })
    }
}

/// Sends back what the first client says until it has closed its side.
fn answer(listener: &TcpListener) -> bool {
    let Ok((mut stream, _)) = listener.accept() else { return false };
    let mut heard = Vec::new();
    let deadline = stream.set_read_timeout(Some(PATIENCE));
    deadline.and_then(|()| stream.read_to_end(&mut heard)).and_then(|_| stream.write_all(&heard)).is_ok()
}

fn ask(to: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"hello")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard)?;
    Ok(heard)
}
