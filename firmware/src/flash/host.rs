//! The machine that flashes a disk, as far as flashing depends on it.

/// The machine that flashes.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Mount points of the partitions of a box that segbox has booted, the config partition first; none on any other machine.
    pub own_mounts: &'a [&'a str],
    /// Loads the modules for FAT: a box has no modprobe that would load the character sets of file names.
    pub load_fat: &'a dyn Fn(),
}

impl Host<'static> {
    /// A machine that segbox has not booted.
    pub const OTHER: Self = Self { own_mounts: &[], load_fat: &|| {} };
}

impl Host<'_> {
    /// Whether segbox has booted it.
    pub fn is_box(&self) -> bool {
        !self.own_mounts.is_empty()
    }

    /// Whether the box itself has mounted this, and no other program or person.
    pub(crate) fn is_own_mount(&self, on: &str) -> bool {
        self.own_mounts.contains(&on)
    }
}
