//! Writes GRUB's two boot images for BIOS boards to the places where a BIOS and GRUB look for them. `grub-bios-setup` does this to a
//! disk; here it is done to a file, without a loop device and with the same bytes each time.
//!
//! The boot image's first 440 bytes go into the master boot record, with the start of the core image in them. The core
//! image goes into the BIOS boot partition, with the place of its rest in its first sector. The offsets are GRUB's
//! (`include/grub/i386/pc/boot.h`, `include/grub/offsets.h`).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a sector.
const SECTOR: usize = 512;
/// Bytes of code in the first sector; behind them are the disk's signature and the protective partition table.
const CODE: usize = 440;
/// Offset of the core image's first sector in the boot image (GRUB_BOOT_MACHINE_KERNEL_SECTOR).
const CORE_AT: usize = 0x5c;
/// Offset of a jump over a check of the drive's number (GRUB_BOOT_MACHINE_DRIVE_CHECK). Two no-ops turn the check on: some BIOSes
/// hand over 0 or 1 for a hard disk.
const DRIVE_CHECK: usize = 0x66;
/// Offset of the list of blocks in the core image's first sector: start, length in sectors, segment to load to.
const BLOCKS_AT: usize = SECTOR - 12;
/// The segment behind the first sector of the core image, which is loaded at 0x8000 (GRUB_BOOT_MACHINE_KERNEL_SEG).
const LOAD_SEGMENT: u16 = 0x820;

/// Writes both. `first` and `sectors` are the place and length of the BIOS boot partition.
///
/// # Errors
/// The core image does not fit, an image is not GRUB's, or the disk cannot be written.
pub(super) fn install(disk: &File, boot: &[u8], core: &[u8], first: u64, sectors: u64) -> io::Result<()> {
    let (boot, core) = images(boot, core, first, sectors)?;
    disk.write_all_at(&boot, 0)?;
    disk.write_all_at(&core, first * SECTOR as u64)
}

fn images(boot: &[u8], core: &[u8], first: u64, sectors: u64) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut boot = boot.get(..CODE).ok_or_else(|| bad("GRUB's boot image is shorter than a boot record"))?.to_vec();
    let rest = core.len().div_ceil(SECTOR).checked_sub(1).filter(|rest| *rest > 0);
    let rest = rest.ok_or_else(|| bad("GRUB's core image is shorter than two sectors"))?;
    let length = u16::try_from(rest).ok().filter(|_| rest as u64 + 1 < sectors);
    let length = length.ok_or_else(|| bad("GRUB's core image is larger than the BIOS boot partition"))?;
    boot[CORE_AT..CORE_AT + 8].copy_from_slice(&first.to_le_bytes());
    boot[DRIVE_CHECK..DRIVE_CHECK + 2].copy_from_slice(&[0x90, 0x90]);
    let mut core = core.to_vec();
    let list = &mut core[BLOCKS_AT..SECTOR];
    list[..8].copy_from_slice(&(first + 1).to_le_bytes());
    list[8..10].copy_from_slice(&length.to_le_bytes());
    list[10..].copy_from_slice(&LOAD_SEGMENT.to_le_bytes());
    Ok((boot, core))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_knows_where_the_next_one_is() {
        let (boot, core) = images(&[1; 512], &[2; 1500], 2048, 2048).expect("they fit");
        assert_eq!((boot.len(), core.len()), (CODE, 1500));
        assert_eq!(boot[CORE_AT..CORE_AT + 8], 2048_u64.to_le_bytes());
        assert_eq!(core[500..512], [1, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0x20, 0x08]);
        assert_eq!((core[499], core[512]), (2, 2));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(images(&[0; 100], &[0; 1500], 2048, 2048).is_err(), "a short boot image");
        assert!(images(&[0; 512], &[0; 512], 2048, 2048).is_err(), "a core image without a core");
        assert!(images(&[0; 512], &[0; 1500], 2048, 3).is_err(), "a small partition");
    }
}
