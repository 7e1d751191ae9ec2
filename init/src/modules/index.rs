//! The index of a kernel's modules from depmod's files: a module's file, its dependencies, and the devices it serves. Text in,
//! answers out. Not here: loading modules.

use std::collections::HashMap;

use super::glob;

/// The text of depmod's files.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Texts<'a> {
    /// modules.dep: `kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/jbd2/jbd2.ko.xz`
    pub(crate) dep: &'a str,
    /// modules.alias: `alias virtio:d00000001v* virtio_net`
    pub(crate) alias: &'a str,
    /// modules.softdep: `softdep ext4 pre: crc32c`
    pub(crate) softdep: &'a str,
}

/// All modules of a kernel.
#[derive(Debug, Default)]
pub(crate) struct Index<'a> {
    modules: HashMap<String, Module<'a>>,
    /// Patterns by the text before their first `:` or wildcard, which is the device's bus.
    aliases: HashMap<&'a str, Vec<(&'a str, &'a str)>>,
    soft: HashMap<String, Vec<&'a str>>,
}

/// A module.
#[derive(Debug)]
struct Module<'a> {
    path: &'a str,
    /// Paths in the order of modules.dep: the last one must be loaded first.
    needs: Vec<&'a str>,
}

/// A module's name in the kernel: file names may have dashes, module names have underscores.
pub(crate) fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

impl<'a> Index<'a> {
    /// Parses depmod's files. An invalid line is skipped: the other lines still boot the box.
    pub(crate) fn parse(texts: Texts<'a>) -> Self {
        let mut index = Self::default();
        for line in texts.dep.lines() {
            if let Some((path, needs)) = line.split_once(':') {
                let needs = needs.split_ascii_whitespace().collect();
                index.modules.insert(name_of(path), Module { path, needs });
            }
        }
        for line in texts.alias.lines() {
            let mut words = line.split_ascii_whitespace();
            if let (Some("alias"), Some(pattern), Some(module)) = (words.next(), words.next(), words.next()) {
                index.aliases.entry(bus(pattern)).or_default().push((pattern, module));
            }
        }
        for line in texts.softdep.lines() {
            let mut words = line.split_ascii_whitespace();
            if let (Some("softdep"), Some(module)) = (words.next(), words.next()) {
                index.soft.entry(name_of(module)).or_default().extend(before(words));
            }
        }
        index
    }

    /// The modules for a device or with this name: `virtio:d00000001v00001AF4`, `fs-ext4`, `rtnl-link-vrf`, `ext4`.
    pub(crate) fn find(&self, alias: &str) -> Vec<String> {
        let name = name_of(alias);
        if self.modules.contains_key(&name) {
            return vec![name];
        }
        let patterns = self.aliases.get(bus(alias)).into_iter().chain(self.aliases.get(""));
        let mut found = Vec::new();
        for (pattern, module) in patterns.flatten() {
            // The kernel asks for `netdev-eth0` or `nls_cp437`, while the files may use either dashes or underscores.
            let fits = glob::fits(pattern, alias) || (!alias.contains(':') && pattern.replace('-', "_") == name);
            let module = name_of(module);
            if fits && !found.contains(&module) {
                found.push(module);
            }
        }
        found
    }

    /// The path of a module's file, relative to the kernel's folder.
    pub(crate) fn path(&self, name: &str) -> Option<&'a str> {
        self.modules.get(name).map(|module| module.path)
    }

    /// Everything to load for a module, in order, the module last. `soft` dependencies may be missing.
    pub(crate) fn order(&self, name: &str) -> Vec<Needed> {
        let mut order = Vec::new();
        self.add(name, false, &mut Vec::new(), &mut order);
        order
    }

    /// `open` holds the modules whose dependencies are being added: soft dependencies may form circles.
    fn add(&self, name: &str, soft: bool, open: &mut Vec<String>, order: &mut Vec<Needed>) {
        if let Some(known) = order.iter_mut().find(|needed| needed.name == name) {
            known.soft &= soft;
            return;
        }
        if open.iter().any(|other| other == name) {
            return;
        }
        open.push(name.to_owned());
        for before in self.soft.get(name).into_iter().flatten() {
            for module in self.find(before) {
                self.add(&module, true, open, order);
            }
        }
        if let Some(module) = self.modules.get(name) {
            for path in module.needs.iter().rev() {
                self.add(&name_of(path), soft, open, order);
            }
        }
        open.pop();
        order.push(Needed { name: name.to_owned(), soft });
    }
}

/// A module to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) name: String,
    /// The module that depends on it also works without it.
    pub(crate) soft: bool,
}

/// The text before the first `:` or wildcard of an alias.
fn bus(alias: &str) -> &str {
    let end = alias.find([':', '*', '?', '[']).unwrap_or(alias.len());
    // An alias without a colon is a name (`fs-ext4`) and is only found as a whole.
    &alias[..end]
}

/// The modules after `pre:` of a softdep line.
fn before<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut pre = false;
    let mut found = Vec::new();
    for word in words {
        match word {
            "pre:" => pre = true,
            "post:" => pre = false,
            module if pre => found.push(module),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: Texts<'_> = Texts {
        dep: "kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz\n\
              kernel/lib/crc16.ko.xz:\nkernel/fs/mbcache.ko.xz:\nkernel/fs/jbd2/jbd2.ko.xz:\n\
              kernel/crypto/crc32c_generic.ko.xz:\nkernel/arch/x86/crypto/crc32c-intel.ko.xz:\n\
              kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz\n\
              kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz\nkernel/net/core/failover.ko.xz:\n",
        alias: "# comment\nalias fs-ext4 ext4\nalias virtio:d00000001v* virtio_net\nalias crypto-crc32c crc32c_intel\n\
                alias crypto-crc32c crc32c_generic\nalias acpi*:QEMU0002:* qemu_fw_cfg\n",
        softdep: "softdep ext4 pre: crypto-crc32c post: nothing\nsoftdep jbd2 pre: ext4\nnonsense\n",
    };

    fn names(order: &[Needed]) -> Vec<(&str, bool)> {
        order.iter().map(|needed| (needed.name.as_str(), needed.soft)).collect()
    }

    #[test]
    fn finds_by_device_by_alias_and_by_name() {
        let index = Index::parse(TEXTS);
        assert_eq!(index.find("virtio:d00000001v00001AF4"), ["virtio_net"]);
        assert_eq!(index.find("acpi:QEMU0002:"), ["qemu_fw_cfg"]);
        assert_eq!(index.find("fs-ext4"), ["ext4"]);
        assert_eq!(index.find("crc32c-intel"), ["crc32c_intel"]);
        assert_eq!(index.find("crypto-crc32c"), ["crc32c_intel", "crc32c_generic"]);
        assert!(index.find("pci:v00008086").is_empty());
    }

    #[test]
    fn loads_what_is_needed_first_and_the_deepest_before_all() {
        let index = Index::parse(TEXTS);
        assert_eq!(
            names(&index.order("virtio_net")),
            [("failover", false), ("net_failover", false), ("virtio_net", false)]
        );
    }

    #[test]
    fn soft_dependencies_come_first_and_may_go_round_in_circles() {
        let index = Index::parse(TEXTS);
        let order = index.order("ext4");
        assert_eq!(
            names(&order),
            [
                ("crc32c_intel", true),
                ("crc32c_generic", true),
                ("jbd2", false),
                ("mbcache", false),
                ("crc16", false),
                ("ext4", false)
            ]
        );
    }
}
