//! No disk makes the readers of its parts panic: GRUB's block, a FAT volume's label, ext4's superblock, a partition table. The first byte
//! chooses which.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    segbox_firmware::read_anything(*kind, bytes);
});
