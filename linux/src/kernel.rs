//! The features of this kernel, for `check` (as [`Kernel`]) and for `segbox doctor` (as [`CHECKS`]). Reading them needs no root, changes
//! nothing and loads no module; what root can try out in a network namespace of its own, it tries out. Not here: which features a file needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;

use segbox_config::{Feature, Kernel, features};

use crate::jit::Switch;
use crate::modules::has_module;
use crate::namespace::{Fate, Namespace};
use crate::netlink::tunnel_attributes;

/// The kernel's version, and whether it has each of the build options of [`features`].
///
/// Options come from /proc/config.gz, or from the file that distributions put beside the kernel. Without either, an option is on if one
/// of its functions is in /proc/kallsyms, or its module could be loaded, and unknown if there is neither.
pub fn survey() -> Kernel {
    let release = release();
    let mut options = match build_configuration(&release) {
        Some(text) => options_of(&text, |module| has_module(&release, module) == Some(true)),
        None => {
            let by_module =
                |(option, module): &(&str, &str)| Some(((*option).to_owned(), has_module(&release, module)?));
            let mut options: BTreeMap<_, _> = MODULES.iter().filter_map(by_module).collect();
            options.extend(options_by_symbol(&fs::read_to_string("/proc/kallsyms").unwrap_or_default()));
            options
        }
    };
    let version = version_of(&release).unwrap_or_default();
    // Older ones need not be asked: they have neither.
    if version >= Feature::POLICY_SOURCE.since
        && let Some(found) = tunnel_attributes()
    {
        options.insert(Feature::POLICY_SOURCE.name.to_owned(), found.source);
        options.insert(Feature::POLICY_TABLE.name.to_owned(), found.table);
    }
    Kernel { version, options }
}

/// The modules behind options that need not be built in.
const MODULES: [(&str, &str); 5] = [
    ("CONFIG_NET_VRF", "vrf"),
    ("CONFIG_VLAN_8021Q", "8021q"),
    ("CONFIG_BONDING", "bonding"),
    ("CONFIG_DUMMY", "dummy"),
    ("CONFIG_NF_TABLES", "nf_tables"),
];

/// A function of each option that the compiler cannot inline, since the kernel calls it through a table.
const SYMBOLS: [(&str, &str); 12] = [
    ("CONFIG_IPV6_SEG6_LWTUNNEL", "seg6_do_srh_encap"),
    ("CONFIG_IPV6_SEG6_HMAC", "seg6_hmac_validate_skb"),
    ("CONFIG_IPV6_SEG6_BPF", "bpf_lwt_seg6_store_bytes"),
    ("CONFIG_LWTUNNEL_BPF", "bpf_encap_nlsize"),
    ("CONFIG_NET_VRF", "vrf_newlink"),
    ("CONFIG_VLAN_8021Q", "vlan_newlink"),
    ("CONFIG_BONDING", "bond_newlink"),
    ("CONFIG_DUMMY", "dummy_setup"),
    ("CONFIG_NF_TABLES", "nf_tables_newtable"),
    ("CONFIG_NET_XGRESS", "tcx_link_release"),
    ("CONFIG_IPV6_MULTIPLE_TABLES", "fib6_rule_action"),
    ("CONFIG_BPF_SYSCALL", "bpf_prog_release"),
];

/// `uname -r`.
pub(crate) fn release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim_end().to_owned()
}

fn version_of(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn build_configuration(release: &str) -> Option<String> {
    let mut text = String::new();
    if let Ok(file) = fs::File::open("/proc/config.gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).ok()?;
        return Some(text);
    }
    let beside = [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")];
    beside.iter().find_map(|path| fs::read_to_string(path).ok())
}

/// The options of [`features`] in a build configuration. An option that is not listed is off, since one that it depends on is off.
fn options_of(text: &str, has_module: impl Fn(&str) -> bool) -> BTreeMap<String, bool> {
    let needed: BTreeSet<&str> = features::all().iter().map(|feature| feature.option).collect();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let set: BTreeMap<&str, &str> = lines.filter(|(option, _)| needed.contains(option)).collect();
    let on = |option: &str| match set.get(option) {
        Some(&"y") => true,
        Some(&"m") => MODULES.iter().any(|(of, module)| *of == option && has_module(module)),
        _ => false,
    };
    needed.iter().map(|option| ((*option).to_owned(), on(option))).collect()
}

fn options_by_symbol(symbols: &str) -> BTreeMap<String, bool> {
    let there = |symbol| symbols.lines().any(|line| line.split_whitespace().nth(2) == Some(symbol));
    SYMBOLS.iter().filter(|(_, symbol)| there(symbol)).map(|(option, _)| ((*option).to_owned(), true)).collect()
}

/// A feature of the kernel or the box that `segbox doctor` checks.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name for users.
    pub name: &'static str,
    /// What fails without it.
    pub without: &'static str,
    look: fn() -> Finding,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The feature is there; with details.
    Found(String),
    /// The feature is missing; with what was checked.
    Missing(String),
    /// The check could not tell; with the reason.
    Unknown(String),
}

impl Check {
    /// Does the check.
    pub fn look(&self) -> Finding {
        (self.look)()
    }
}

/// The checks of `segbox doctor` besides [`features`], in order.
pub const CHECKS: [Check; 6] = [
    Check {
        name: "SRv6 sysctls",
        without: "no SRv6 packet is accepted",
        look: || exists("/proc/sys/net/ipv6/conf/all/seg6_enabled"),
    },
    Check { name: "bpffs", without: "no program can be kept", look: bpffs },
    Check { name: "BPF JIT", without: "programs are interpreted, several times slower", look: jit },
    Check {
        name: "kernel types (BTF)",
        without: "objects built against vmlinux.h do not load",
        look: || exists("/sys/kernel/btf/vmlinux"),
    },
    Check { name: "network namespace cookie", without: "no program can be kept", look: cookie },
    Check {
        name: "namespaces by cookie",
        without: "programs of deleted network namespaces stay until the box is restarted",
        look: by_cookie,
    },
];

fn exists(path: &str) -> Finding {
    match fs::metadata(path) {
        Ok(_) => Finding::Found(path.to_owned()),
        Err(error) => Finding::Missing(format!("{path}: {error}")),
    }
}

fn bpffs() -> Finding {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    if mounts.lines().any(|line| line.split(' ').nth(1) == Some("/sys/fs/bpf")) {
        return Finding::Found("/sys/fs/bpf".to_owned());
    }
    match fs::read_to_string("/proc/filesystems") {
        Ok(known) if known.lines().any(|line| line.ends_with("\tbpf")) => {
            Finding::Found("not mounted yet; the first program mounts it".to_owned())
        }
        Ok(_) => Finding::Missing("/proc/filesystems does not list bpf (CONFIG_BPF_SYSCALL)".to_owned()),
        Err(error) => Finding::Unknown(format!("/proc/filesystems: {error}")),
    }
}

/// net.core.bpf_jit_enable: only root may read it, and CONFIG_BPF_JIT_ALWAYS_ON fixes it at 1.
fn jit() -> Finding {
    const PATH: &str = "/proc/sys/net/core/bpf_jit_enable";
    let always = || build_configuration(&release()).is_some_and(|text| text.contains("CONFIG_BPF_JIT_ALWAYS_ON=y"));
    match fs::read_to_string(PATH).as_deref().map(str::trim) {
        Ok("0") if Switch::of_this_kernel().is_left_off() => Finding::Missing(format!(
            "{PATH} is 0: a killed `segbench run` has left it off; the next one puts it back, or write 1 to it"
        )),
        Ok("0") => Finding::Missing(format!("{PATH} is 0; write 1 to it")),
        Ok(value) => Finding::Found(format!("{PATH} is {value}")),
        Err(_) if always() => Finding::Found("CONFIG_BPF_JIT_ALWAYS_ON".to_owned()),
        Err(error) => Finding::Unknown(format!("{PATH}: {error}")),
    }
}

fn cookie() -> Finding {
    match Namespace::current() {
        Ok(namespace) => Finding::Found(namespace.to_string()),
        Err(error) => Finding::Missing(format!("SO_NETNS_COOKIE: {error}; Linux 5.14 has it")),
    }
}

fn by_cookie() -> Finding {
    match Namespace::current().map(Namespace::fate) {
        Ok(Fate::Alive) => Finding::Found("file handles of namespaces".to_owned()),
        _ if !rustix::process::geteuid().is_root() => Finding::Unknown("only root may open them".to_owned()),
        Ok(Fate::Gone | Fate::Unknown) | Err(_) => {
            Finding::Missing("file handles of namespaces; Linux 6.18 has them".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_release() {
        assert_eq!(version_of("6.18.44-fc-v669"), Some((6, 18)));
        assert_eq!(version_of("6.12+deb13-amd64"), Some((6, 12)));
        assert_eq!(version_of("linux"), None);
    }

    #[test]
    fn a_module_counts_if_its_file_is_there() {
        let text =
            "CONFIG_IPV6_SEG6_LWTUNNEL=y\nCONFIG_NET_VRF=m\nCONFIG_DUMMY=m\n# CONFIG_IPV6_SEG6_HMAC is not set\n";
        let options = options_of(text, |module| module == "vrf");
        let on: Vec<&str> = options.iter().filter(|(_, on)| **on).map(|(option, _)| option.as_str()).collect();
        assert_eq!(on, ["CONFIG_IPV6_SEG6_LWTUNNEL", "CONFIG_NET_VRF"]);
        assert_eq!(options.get("CONFIG_IPV6_SEG6_HMAC"), Some(&false));
        assert_eq!(options.get("CONFIG_LWTUNNEL_BPF"), Some(&false), "not listed");
    }

    #[test]
    fn every_option_has_a_symbol() {
        for feature in features::all() {
            assert!(SYMBOLS.iter().any(|(option, _)| *option == feature.option), "{}", feature.option);
        }
        let symbols = "0000000000000000 T seg6_do_srh_encap\n0000000000000000 t vrf_newlink\t[vrf]\n";
        let options = options_by_symbol(symbols);
        assert_eq!(options.into_keys().collect::<Vec<_>>(), ["CONFIG_IPV6_SEG6_LWTUNNEL", "CONFIG_NET_VRF"]);
    }

    #[test]
    fn this_kernel_is_one() {
        assert!(survey().version >= (4, 10), "{:?}", survey());
    }
}
