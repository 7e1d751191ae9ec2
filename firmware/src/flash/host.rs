//! The machine that flashes a disk, as far as flashing goes by it.

/// The machine that flashes.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Where a box that segbox has booted has its partitions mounted, the config partition first; none on any other machine.
    pub own_mounts: &'a [&'a str],
    /// Loads the modules of FAT: a box has no modprobe for the characters of its file names.
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

    /// Whether the box, and no program or person, has mounted it.
    pub(crate) fn is_own_mount(&self, on: &str) -> bool {
        self.own_mounts.contains(&on)
    }
}
