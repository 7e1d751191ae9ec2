//! The whole state of a namespace in the kernel, as the kernel's own tools tell it, line by line. Not here: what segbox thinks of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use segbox_lab::Namespace;

/// Lines, each with what it is of.
pub(super) type Snapshot = BTreeSet<String>;

/// What is asked. The first word of a line is the name.
const ASKED: [(&str, &[&str]); 11] = [
    ("link", &["ip", "-d", "-o", "link", "show"]),
    ("address", &["ip", "-o", "address", "show"]),
    ("route4", &["ip", "-4", "-d", "route", "show", "table", "all"]),
    ("route6", &["ip", "-6", "-d", "route", "show", "table", "all"]),
    ("rule4", &["ip", "-4", "rule", "show"]),
    ("rule6", &["ip", "-6", "rule", "show"]),
    ("neighbor", &["ip", "neighbor", "show", "nud", "permanent"]),
    ("hmac", &["ip", "sr", "hmac", "show"]),
    ("source", &["ip", "sr", "tunsrc", "show"]),
    ("qdisc", &["tc", "qdisc", "show"]),
    ("nft", &["nft", "list", "ruleset"]),
];

/// Reads it.
///
/// # Errors
/// A tool is missing.
pub(super) fn snapshot(namespace: &Namespace) -> Result<Snapshot, String> {
    let mut lines = Snapshot::new();
    for (name, words) in ASKED {
        let mut command = namespace.command(words[0]).map_err(|error| error.to_string())?;
        let output = command.args(&words[1..]).output().map_err(|error| format!("{}: {error}", words[0]))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let all = text.lines().filter(|line| !line.trim().is_empty() && !is_the_kernels(line));
        lines.extend(all.map(|line| format!("{name} {}", as_at_birth(line))));
    }
    let sysctls = namespace.enter(|| {
        let mut lines = Snapshot::new();
        for family in ["ipv4", "ipv6"] {
            sysctls(Path::new(&format!("/proc/sys/net/{family}")), &format!("net.{family}"), &mut lines);
        }
        sysctls(Path::new("/proc/sys/net/vrf"), "net.vrf", &mut lines);
        lines
    });
    lines.extend(sysctls.map_err(|error| error.to_string())?);
    Ok(lines)
}

/// What the kernel changes as a port comes up for the first time, or gets another name, and nothing undoes: its queueing discipline, and the
/// labels of its IPv4 addresses (net/ipv4/devinet.c, inetdev_changename).
fn as_at_birth(line: &str) -> String {
    let line = line.trim();
    if line.contains(" inet ") {
        let (address, times) = line.split_once('\\').unwrap_or((line, ""));
        let words: Vec<&str> = address.split_whitespace().collect();
        return format!("{} {times}", words[..words.len().saturating_sub(1)].join(" "));
    }
    let line = line.replace("qdisc noqueue", "qdisc noop");
    if !line.contains("segbox0") {
        return line;
    }
    // A device that is made anew has another number and another MAC address.
    line.split(' ').filter(|word| !word.ends_with(':') && word.matches(':').count() != 5).collect::<Vec<_>>().join(" ")
}

/// The kernel gives lo an address as it comes up for the first time, and leaves it there; and a device that is made anew gets another one.
fn is_the_kernels(line: &str) -> bool {
    let of_a_new_device = line.contains("segbox0") && line.contains("fe80:");
    of_a_new_device
        || line.contains("127.0.0.")
        || line.contains("127.255.255.255")
        || line.starts_with("qdisc noqueue")
}

fn sysctls(folder: &Path, name: &str, lines: &mut Snapshot) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{name}.{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            sysctls(&entry.path(), &name, lines);
        } else if let Ok(value) = fs::read_to_string(entry.path()) {
            // Some can only be written.
            lines.insert(format!("sysctl {name} {}", value.trim_end()));
        }
    }
}
