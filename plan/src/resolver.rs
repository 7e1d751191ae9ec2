//! The text of resolv.conf (resolv.conf(5)) for what ports have learned. Not here: the file.

use std::net::IpAddr;

use segbox_config::IfName;

/// What resolvers read at most.
const SERVERS: usize = 3;
const DOMAINS: usize = 6;

/// What a port has learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// Servers of names.
    pub servers: Vec<IpAddr>,
    /// Domains that names are looked up in.
    pub search: Vec<String>,
}

/// The text; None where no port knows a server.
pub fn text<'a>(ports: impl Iterator<Item = (IfName, &'a Learned)>) -> Option<String> {
    let (mut servers, mut search): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
    for (port, learned) in ports {
        for server in &learned.servers {
            let server = match server {
                IpAddr::V6(server) if server.is_unicast_link_local() => format!("{server}%{port}"),
                server => server.to_string(),
            };
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        search.extend(learned.search.iter().map(String::as_str));
    }
    if servers.is_empty() {
        return None;
    }
    let mut seen = Vec::new();
    search.retain(|domain| {
        !seen.contains(domain) && {
            seen.push(*domain);
            true
        }
    });
    let mut text = "# From DHCP and router advertisements; segbox writes it anew.\n".to_owned();
    servers.iter().take(SERVERS).for_each(|server| text += &format!("nameserver {server}\n"));
    search.truncate(DOMAINS);
    if !search.is_empty() {
        text += &format!("search {}\n", search.join(" "));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_once_and_a_link_local_one_with_its_port() {
        let port = |name: &str| -> IfName { name.parse().expect("a name") };
        let learned = |servers: &[&str], search: &[&str]| Learned {
            servers: servers.iter().map(|one| one.parse().expect("an address")).collect(),
            search: search.iter().map(|one| (*one).to_owned()).collect(),
        };
        let first = learned(&["192.0.2.53", "fe80::53"], &["lab.example", "example"]);
        let second = learned(&["192.0.2.53", "2001:db8::53", "2001:db8::54"], &["example"]);
        let text = text([(port("eth4"), &first), (port("eth5"), &second)].into_iter()).expect("servers");
        let lines: Vec<&str> = text.lines().skip(1).collect();
        let expected = [
            "nameserver 192.0.2.53",
            "nameserver fe80::53%eth4",
            "nameserver 2001:db8::53",
            "search lab.example example",
        ];
        assert_eq!(lines, expected);
        assert_eq!(super::text([(port("eth4"), &learned(&[], &["lab"]))].into_iter()), None);
    }
}
