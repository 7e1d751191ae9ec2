//! The power button, as the kernel's ACPI drivers report it: generic netlink, family `acpi_event` (drivers/acpi/event.c, button.c).
//! Not here: what to do when it is pressed, and the module `button`, which it needs.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::NETLINK_GENERIC;
use rustix::io::Errno;

use super::frame::{attributes, frames, text_of, u32_of};
use super::generic::{self, HEADER};
use super::socket::{Socket, listen};

const FAMILY: &str = "acpi_event";
const GROUP: &str = "acpi_mc_group";
/// ACPI_GENL_ATTR_EVENT: a struct acpi_genl_event, char device_class[20], char bus_id[15], u32 type, u32 data.
const EVENT: u16 = 1;
const TYPE: usize = 36;
/// Class and subclass of both kinds of power button: the chipset's (LNXPWRBN) and the board's (PNP0C0C).
const POWER: &str = "button/power";
/// ACPI_BUTTON_NOTIFY_STATUS: the button was pressed. (0x02: the button woke the box.)
const PRESSED: u32 = 0x80;

/// Hears of the power button.
#[derive(Debug)]
pub struct PowerButton(netlink_sys::Socket);

impl PowerButton {
    /// Hears of it from now on, also where there is no button yet.
    ///
    /// # Errors
    /// ENOENT: the kernel has no ACPI.
    pub fn open() -> io::Result<Self> {
        let family = generic::family(&mut Socket::open(NETLINK_GENERIC)?, FAMILY).map_err(io::Error::other)?;
        let group = family.groups.into_iter().find(|(name, _)| name == GROUP).ok_or(Errno::NOENT)?;
        listen(NETLINK_GENERIC, &[group.1]).map(Self)
    }

    /// Whether it was pressed since the last call. Ignores all other events, and never blocks.
    pub fn pressed(&self) -> bool {
        let mut pressed = false;
        loop {
            // A full queue (ENOBUFS) may lose a press; the next press is heard again.
            match self.0.recv_from_full() {
                // Only messages of the kernel count.
                Ok((message, sender)) => pressed |= sender.port_number() == 0 && is_press(&message),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return pressed,
            }
        }
    }
}

impl AsFd for PowerButton {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn is_press(message: &[u8]) -> bool {
    let events = frames(message).filter_map(|frame| frame.payload.get(HEADER..));
    events.flat_map(attributes).any(|(kind, event)| {
        kind == EVENT && text_of(event) == Some(POWER) && event.get(TYPE..).and_then(u32_of) == Some(PRESSED)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel sends it.
    fn message(class: &str, what: u32) -> Vec<u8> {
        let mut event = vec![0; 44];
        event[..class.len()].copy_from_slice(class.as_bytes());
        event[20..28].copy_from_slice(b"LNXPWRBN");
        event[TYPE..TYPE + 4].copy_from_slice(&what.to_ne_bytes());
        let body = generic::message(1, [(EVENT, event)]);
        let mut bytes = Vec::new();
        super::super::socket::append(&mut bytes, 0x18, 0, 1, &super::super::socket::Raw(&body));
        bytes
    }

    #[test]
    fn only_the_power_button_pressed_is_a_press() {
        assert!(is_press(&message("button/power", 0x80)));
        for (class, what) in [("button/power", 2), ("button/sleep", 0x80), ("button/lid", 0x80), ("ac_adapter", 0x80)] {
            assert!(!is_press(&message(class, what)), "{class} {what}");
        }
        let whole = message("button/power", 0x80);
        for length in 0..whole.len() - 4 {
            assert!(!is_press(&whole[..length]), "{length} bytes");
        }
    }

    #[test]
    fn a_kernel_with_acpi_has_the_family_and_no_press() {
        match PowerButton::open() {
            Ok(button) => assert!(!button.pressed()),
            // A machine without ACPI (a small virtual one) is the other kernel there is.
            Err(error) => assert!(!std::path::Path::new("/sys/firmware/acpi").exists(), "{error}"),
        }
    }
}
