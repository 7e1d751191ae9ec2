//! A port of a machine as data, and in QEMU's words: its cable and its card.

use std::os::fd::AsRawFd;

use segbox_lab::{Mac, Namespace};

use crate::{Error, Tap};

/// The card that the guest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// virtio-net with as many queues as its port has.
    Virtio,
    /// Intel 82576, driver igb.
    Igb,
    /// Intel 82574, driver e1000e.
    E1000e,
    /// VMware's.
    Vmxnet3,
}

/// A port of the machine. Its other end is an interface of a namespace.
#[derive(Debug, Clone)]
pub struct Port<'a> {
    /// Where its other end is.
    pub namespace: &'a Namespace,
    /// Name of the other end.
    pub interface: &'a str,
    /// Address of the guest's end.
    pub mac: Mac,
    /// Its card.
    pub model: Model,
    /// Queue pairs of a virtio port. Other models have one cable queue.
    pub queues: usize,
}

impl Port<'_> {
    /// Makes its other end.
    pub(crate) fn tap(&self) -> Result<Tap, Error> {
        let queues = if self.model == Model::Virtio { self.queues } else { 1 };
        Tap::new(self.namespace, self.interface, queues)
    }

    /// Its cable.
    pub(crate) fn line(number: usize, tap: &Tap) -> String {
        let descriptors: Vec<_> = tap.queues.iter().map(|queue| queue.as_raw_fd().to_string()).collect();
        let key = if descriptors.len() > 1 { "fds" } else { "fd" };
        format!("tap,id=net{number},{key}={}", descriptors.join(":"))
    }

    /// Its card.
    pub(crate) fn card(&self, number: usize, pluggable: bool) -> String {
        let mac: Vec<_> = self.mac.iter().map(|byte| format!("{byte:02x}")).collect();
        let model = match self.model {
            // One vector per queue and direction, one for the configuration, one for control.
            Model::Virtio if self.queues > 1 => {
                format!("virtio-net-pci,mq=on,rss=on,vectors={},romfile=", 2 * self.queues + 2)
            }
            Model::Virtio => "virtio-net-pci,romfile=".to_owned(),
            Model::Igb => "igb,romfile=".to_owned(),
            Model::E1000e => "e1000e,romfile=".to_owned(),
            Model::Vmxnet3 => "vmxnet3,romfile=".to_owned(),
        };
        let slot = if pluggable { format!(",bus=slot{number}") } else { String::new() };
        format!("{model},id=port{number},netdev=net{number},mac={}{slot}", mac.join(":"))
    }
}
