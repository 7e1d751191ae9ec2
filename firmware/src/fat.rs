//! Reads the label of a FAT volume from its first sectors, so that a stick is found before it is mounted. Input is bytes, output
//! a label. Invalid bytes cause neither a panic nor a long read.

/// How much of a volume's start is searched for the label: the boot sector, and the first sectors of the root directory after two
/// small FATs. If the label's entry lies further back, the boot sector has the label too: mkfs.fat and Windows write both.
const LOOK: usize = 512 * 1024;

/// Number of bytes that [`label`] needs from the start of a volume.
pub const START: usize = LOOK;

/// The label of the FAT volume that starts with these bytes; None if it is not FAT or has no label.
pub fn label(start: &[u8]) -> Option<String> {
    let boot = start.get(..512)?;
    if boot[510..] != [0x55, 0xaa] || !matches!(boot[0], 0xeb | 0xe9) {
        return None;
    }
    let u16_at = |at: usize| u32::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
    let u32_at = |at: usize| u32::from_le_bytes([boot[at], boot[at + 1], boot[at + 2], boot[at + 3]]);
    let sector = u16_at(11);
    if !matches!(sector, 512 | 1024 | 2048 | 4096) {
        return None;
    }
    let (reserved, fats) = (u16_at(14), u32::from(boot[16]));
    // BPB_FATSz16 is 0 on FAT32, which has a separate field (Microsoft's FAT specification, section 3).
    let is_fat32 = u16_at(22) == 0;
    let fat = if is_fat32 { u32_at(36) } else { u16_at(22) };
    let kind = if is_fat32 { &boot[82..90] } else { &boot[54..62] };
    if !kind.starts_with(b"FAT") {
        return None;
    }
    // The root directory is at the start of the data area on FAT12 and FAT16, and usually on FAT32 (its first cluster).
    let root = u64::from(sector) * (u64::from(reserved) + u64::from(fats) * u64::from(fat));
    let in_root = usize::try_from(root).ok().and_then(|root| volume_entry(start.get(root..)?));
    // Renaming a volume changes this entry; the boot sector may still say `NO NAME`.
    in_root.or_else(|| text(if is_fat32 { &boot[71..82] } else { &boot[43..54] }))
}

/// The directory entry with the volume's label (attribute 0x08 only).
fn volume_entry(directory: &[u8]) -> Option<String> {
    let (entries, _) = directory.as_chunks::<32>();
    // A name that starts with 0 ends the directory, 0xe5 marks a removed entry, attribute 0x0f is a part of a long name.
    let label =
        entries.iter().take_while(|entry| entry[0] != 0).find(|entry| entry[0] != 0xe5 && entry[11] & 0x3f == 0x08)?;
    text(&label[..11])
}

fn text(name: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(name).ok()?.trim_end();
    if text.is_empty() || text == "NO NAME" { None } else { Some(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(in_boot: &[u8; 11], in_root: Option<&[u8; 11]>) -> Vec<u8> {
        let mut start = vec![0; 8192];
        start[0] = 0xeb;
        start[11..13].copy_from_slice(&512_u16.to_le_bytes());
        start[14] = 1;
        start[16] = 2;
        start[22] = 3;
        start[43..54].copy_from_slice(in_boot);
        start[54..62].copy_from_slice(b"FAT16   ");
        start[510..512].copy_from_slice(&[0x55, 0xaa]);
        let root = 512 * (1 + 2 * 3);
        start[root..root + 11].copy_from_slice(b"README  TXT");
        if let Some(label) = in_root {
            start[root + 32..root + 43].copy_from_slice(label);
            start[root + 43] = 0x08;
        }
        start
    }

    #[test]
    fn the_directorys_label_wins_over_the_boot_sectors() {
        assert_eq!(label(&volume(b"NO NAME    ", Some(b"SEGBOX     "))).as_deref(), Some("SEGBOX"));
        assert_eq!(label(&volume(b"SEGBOX     ", None)).as_deref(), Some("SEGBOX"));
        assert_eq!(label(&volume(b"NO NAME    ", None)), None);
    }

    #[test]
    fn rejects_other_bytes() {
        assert_eq!(label(&[]), None);
        assert_eq!(label(&[0xff; 4096]), None);
        let mut hostile = volume(b"SEGBOX     ", None);
        // FATs of 64 Ki sectors or more: the directory is far outside the bytes that were read.
        hostile[16] = 0xff;
        hostile[22..24].fill(0xff);
        assert_eq!(label(&hostile).as_deref(), Some("SEGBOX"));
        for length in 0..hostile.len().min(600) {
            label(&hostile[..length]);
        }
    }
}
