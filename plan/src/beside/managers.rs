//! Managers of interfaces that remove what they did not make. Not here: which of them runs.

use segbox_config::Hazard;

use super::Managed;

/// systemd-networkd removes routes, rules, neighbours and next hops of others when it configures a link (networkd 252 and 257), unless the
/// link has KeepConfiguration=yes.
pub(super) fn networkd(link: &Managed) -> Option<Hazard> {
    let admin = value(&link.state, "ADMIN_STATE")?;
    let file = value(&link.state, "NETWORK_FILE").filter(|file| !file.is_empty())?;
    if admin == "unmanaged" || keeps(&link.files) {
        return None;
    }
    let interface = link.interface;
    Some(Hazard {
        what: format!("systemd-networkd configures {interface} ({file}) without KeepConfiguration=yes"),
        loses: format!(
            "when it configures the link (a restart, `networkctl reload`, the cable), routes, rules, neighbours and next hops of \
             segbox and of routing daemons are removed from {interface}"
        ),
        fix: drop_in(file),
        ipv4_only: false,
    })
}

/// The commands for a drop-in, in the folder of the administrator: the file itself may be a package's, or made at each boot.
fn drop_in(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let folder = format!("/etc/systemd/network/{name}.d");
    format!(
        "run `mkdir -p {folder}; printf '[Network]\\nKeepConfiguration=yes\\n' >{folder}/segbox.conf` and `networkctl reload`, then \
         `segbox apply`"
    )
}

/// NetworkManager removes addresses and routes of others when it activates a connection. A port that another program configured has a
/// connection, too, "connected (externally)": it only describes what is there, is never activated, and is marked in its profile (seen with 1.52).
pub(super) fn network_manager(link: &Managed) -> Option<Hazard> {
    let interface = link.interface;
    let profile = value(&link.state, "connection-uuid")?;
    let describes =
        |(_, text): &(String, String)| value(text, "uuid") == Some(profile) && value(text, "external") == Some("true");
    let is_managed = value(&link.state, "managed") == Some("true") && !link.files.iter().any(describes);
    is_managed.then(|| Hazard {
        what: format!("NetworkManager has a connection on {interface}"),
        loses: format!("when it activates the connection, addresses and routes of segbox on {interface} are removed"),
        fix: format!(
            "run `printf '[keyfile]\\nunmanaged-devices+=interface-name:{interface}\\n' \
             >/etc/NetworkManager/conf.d/segbox-{interface}.conf` and `nmcli general reload conf`, then `segbox apply`"
        ),
        ipv4_only: false,
    })
}

/// The value of a key in a file of lines `KEY=value`; the last one counts.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines().rev().filter_map(|line| line.split_once('='));
    lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

/// Whether the section `[Network]` of the files has KeepConfiguration=yes; a later file overrules an earlier one.
fn keeps(files: &[(String, String)]) -> bool {
    let mut keeps = false;
    for (_, text) in files {
        let mut in_network = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_network = line == "[Network]";
            } else if let Some((_, value)) = line.split_once('=').filter(|(key, _)| key.trim() == "KeepConfiguration")
                && in_network
            {
                // As systemd reads a boolean (src/basic/parse-util.c, parse_boolean).
                let value = value.trim().to_ascii_lowercase();
                keeps = matches!(value.as_str(), "1" | "yes" | "y" | "true" | "t" | "on");
            }
        }
    }
    keeps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn managed(state: &str, files: &[&str]) -> Managed {
        let files = files.iter().map(|text| ("a.network".to_owned(), (*text).to_owned())).collect();
        Managed { interface: "eth1".parse().expect("a name"), state: state.to_owned(), files }
    }

    const CONFIGURED: &str = "# This is private data. Do not parse.\nADMIN_STATE=configured\nOPER_STATE=routable\n\
                              NETWORK_FILE=/etc/systemd/network/10-core.network\n";

    #[test]
    fn networkd_must_keep_what_others_made() {
        let hazard = networkd(&managed(CONFIGURED, &["[Match]\nName=eth1\n[Network]\nAddress=192.0.2.1/24\n"]));
        let hazard = hazard.expect("the default keeps nothing");
        assert_eq!(
            hazard.what,
            "systemd-networkd configures eth1 (/etc/systemd/network/10-core.network) without KeepConfiguration=yes"
        );
        let folder = "/etc/systemd/network/10-core.network.d";
        assert!(hazard.fix.contains(&format!("KeepConfiguration=yes\\n' >{folder}/segbox.conf`")), "{}", hazard.fix);
        let with = |text: &str| networkd(&managed(CONFIGURED, &["[Network]\n", text])).is_some();
        assert!(!with("[Network]\nKeepConfiguration=yes\n"));
        assert!(with("[Network]\nKeepConfiguration=yes\nKeepConfiguration = dhcp\n"), "the last one counts");
        assert!(with("[DHCPv4]\nKeepConfiguration=yes\n"), "another section");
        assert!(with("[Network]\nKeepConfiguration=static\n"), "routes of others go");
    }

    #[test]
    fn unmanaged_links_are_left_alone() {
        assert_eq!(networkd(&managed("ADMIN_STATE=unmanaged\nOPER_STATE=carrier\n", &[])), None);
        assert_eq!(networkd(&managed("", &[])), None);
        let nm = |state: &str| network_manager(&managed(state, &[])).is_some();
        assert!(nm("[device]\nmanaged=true\nconnection-uuid=0\n"));
        assert!(!nm("[device]\nmanaged=false\n") && !nm("[device]\nmanaged=true\n"));
        let profile =
            |text: &str| network_manager(&managed("[device]\nmanaged=true\nconnection-uuid=0\n", &[text])).is_some();
        assert!(!profile("[connection]\nuuid=0\n[.nmmeta]\nexternal=true\n"), "it is connected externally");
        assert!(profile("[connection]\nuuid=1\n[.nmmeta]\nexternal=true\n"), "another port is");
        assert!(
            profile("[connection]\nuuid=0\n[.nmmeta]\nnm-generated=true\n"),
            "a profile of its own that it activates"
        );
    }
}
