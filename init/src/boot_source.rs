//! How this system was started: the slot, the ESP, and Secure Boot. GRUB passes slot and ESP on the command line.
//! If the command line is that of a signed UKI, or a board starts the UKI directly, systemd's stub passes them in the firmware's
//! variables. Not here: acting on any of it.

use std::fs;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

use super::modules::Loader;
use super::mounts;

/// GUID of the variables of systemd's boot loader interface, which its stub also sets (systemd-stub(7)). They do not survive a
/// reset.
const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// The kernel's record of how it was started (Documentation/arch/x86/zero-page.rst).
const BOOT_PARAMS: &str = "/sys/kernel/boot_params/data";
/// The offset of the Secure Boot state in that record, and the value for `enabled` (include/linux/efi.h, efi_secureboot_mode).
const SECURE_BOOT: (u64, u8) = (0x1ec, 3);

/// Facts about the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    /// `a` or `b`.
    pub(crate) slot: Option<String>,
    /// PARTUUID of the ESP, in lower case.
    pub(crate) esp: Option<String>,
}

impl Started {
    /// The facts on the command line: `segbox.slot=a segbox.esp=UUID`.
    pub(crate) fn by(command_line: &str) -> Self {
        let value = |name: &str| word(command_line, name).filter(|value| !value.is_empty());
        let slot = value("segbox.slot=").filter(|slot| is_slot(slot));
        Self { slot: slot.map(str::to_owned), esp: value("segbox.esp=").map(str::to_ascii_lowercase) }
    }

    /// Adds missing facts from the firmware's variables. They are read last, since their driver is a module and the firmware is
    /// slow.
    pub(crate) fn or_by_firmware(self) -> Self {
        if self.slot.is_some() && self.esp.is_some() || !mounts::has_efivars() {
            return self;
        }
        if let Ok(loader) = Loader::open() {
            drop(loader.load("efivarfs"));
        }
        mounts::mount_efivars();
        self.or_by(|name| text(&fs::read(mounts::efivar(name, LOADER)).ok()?))
    }

    fn or_by(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            slot: self.slot.or_else(|| slot_of(&variable("StubImageIdentifier")?)),
            esp: self.esp.or_else(|| variable("StubDevicePartUUID").map(|uuid| uuid.to_ascii_lowercase())),
        }
    }
}

/// Whether Secure Boot is on: the firmware started only signed programs, and the kernel is locked down.
pub(crate) fn by_secure_boot() -> bool {
    let (at, enabled) = SECURE_BOOT;
    let mut mode = [0];
    fs::File::open(BOOT_PARAMS).and_then(|file| file.read_exact_at(&mut mode, at)).is_ok() && mode[0] == enabled
}

fn word<'a>(command_line: &'a str, name: &str) -> Option<&'a str> {
    command_line.split_ascii_whitespace().find_map(|word| word.strip_prefix(name))
}

fn is_slot(name: &str) -> bool {
    matches!(name, "a" | "b")
}

/// The slot in a UKI's path as firmware writes it: `\slots\a\segbox.efi`, with or without a device before it, and with either
/// kind of separator.
fn slot_of(path: &str) -> Option<String> {
    let mut parts = path.split(['\\', '/']).filter(|part| !part.is_empty());
    parts.find(|part| part.eq_ignore_ascii_case("slots"))?;
    parts.next().map(str::to_ascii_lowercase).filter(|slot| is_slot(slot))
}

/// The text of a variable in efivarfs: four bytes of attributes, then UTF-16 up to a zero.
fn text(variable: &[u8]) -> Option<String> {
    let (pairs, _) = variable.get(4..)?.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().copied().map(u16::from_le_bytes).take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_names_slot_and_esp() {
        let started = Started::by("quiet segbox.slot=b segbox.esp=C12A-7F console=ttyS0");
        assert_eq!((started.slot.as_deref(), started.esp.as_deref()), (Some("b"), Some("c12a-7f")));
        assert_eq!(Started::by("segbox.slot=c segbox.esp="), Started::default());
        assert_eq!(Started::by(""), Started::default());
    }

    #[test]
    fn the_firmware_is_asked_for_what_the_command_line_does_not_say() {
        let variable = |name: &str| match name {
            "StubImageIdentifier" => Some(r"\slots\b\segbox.efi".to_owned()),
            "StubDevicePartUUID" => Some("C12A-7F".to_owned()),
            _ => None,
        };
        let started = Started::default().or_by(variable);
        assert_eq!((started.slot.as_deref(), started.esp.as_deref()), (Some("b"), Some("c12a-7f")));
        let said = Started::by("segbox.slot=a segbox.esp=1");
        assert_eq!(said.clone().or_by(variable), said);
    }

    #[test]
    fn finds_the_slot_in_whatever_path_the_firmware_writes() {
        let of = |path: &str| slot_of(path);
        assert_eq!(of(r"HD(2,GPT,C12A7328)/\slots\a/\segbox.efi").as_deref(), Some("a"));
        assert_eq!(of(r"\SLOTS\B\SEGBOX.EFI").as_deref(), Some("b"));
        assert_eq!(of("/slots/a/segbox.efi").as_deref(), Some("a"));
        assert_eq!(of(r"\EFI\BOOT\BOOTX64.EFI"), None);
        assert_eq!(of(r"\slots\c\segbox.efi"), None);
        assert_eq!(of(r"\slots"), None);
    }

    #[test]
    fn reads_a_variables_text() {
        let mut bytes = vec![6, 0, 0, 0];
        bytes.extend("slot".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(text(&bytes).as_deref(), Some("slot"));
        bytes.extend([0, 0, b'x', 0]);
        assert_eq!(text(&bytes).as_deref(), Some("slot"));
        assert_eq!(text(&[6, 0, 0, 0]), None);
        assert_eq!(text(&[6, 0]), None);
        assert_eq!(text(&[6, 0, 0, 0, 0, 0xd8]), None, "half a surrogate pair");
    }
}
