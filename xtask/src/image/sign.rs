//! Signs a slot's manifest as minisign does: Ed25519 over the file's BLAKE2b hash. Only with a key that the user gives.

use std::io::Cursor;
use std::path::Path;

use minisign::SecretKeyBox;

use super::{Options, tree};
use crate::failure::Failure;

/// The key's password, if it has one.
const PASSWORD: &str = "SEGBOX_MINISIGN_PASSWORD";

/// Writes `manifest.json.minisig`, if there is a key. `minisign -Vm manifest.json -P PUBLIC` checks it.
///
/// # Errors
/// The key is none, or its password is another one.
pub(super) fn manifest(options: &Options, output: &Path) -> Result<(), Failure> {
    let Some(path) = &options.minisign_key else { return Ok(()) };
    let manifest = tree::read(&output.join("manifest.json"))?;
    let signature = sign(&tree::read(path)?, std::env::var(PASSWORD).ok(), &manifest).map_err(|error| {
        Failure::new(
            format!("cannot sign with {}", path.display()),
            error.to_string(),
            format!("make a key with `minisign -G`; its password goes into {PASSWORD}"),
        )
    })?;
    tree::write(&output.join("manifest.json.minisig"), signature)
}

fn sign(key: &str, password: Option<String>, content: &str) -> minisign::Result<String> {
    let key = SecretKeyBox::from_string(key)?;
    // `minisign -G -W` makes a key without a password.
    let key = match password {
        Some(password) => key.into_secret_key(Some(password))?,
        None => key.into_unencrypted_secret_key()?,
    };
    // The comment is signed too. The signature has random numbers in it (the crate hedges against faults of the machine), so it
    // is the manifest that two builds have in common, not its signature.
    let signature = minisign::sign(None, &key, Cursor::new(content), Some("segbox slot manifest"), None)?;
    Ok(signature.into_string())
}

#[cfg(test)]
mod tests {
    use minisign::{KeyPair, SignatureBox, verify};

    use super::*;

    #[test]
    fn a_signature_holds_for_its_manifest_only() {
        let pair = KeyPair::generate_unencrypted_keypair().expect("random numbers");
        let key = pair.sk.to_box(None).expect("a key").to_string();
        let signature = sign(&key, None, "the manifest").expect("signed");
        let parsed = SignatureBox::from_string(&signature).expect("a signature");
        let holds = |text: &str| verify(&pair.pk, &parsed, Cursor::new(text), true, false, false).is_ok();
        assert!(holds("the manifest"));
        assert!(!holds("another manifest"));
    }
}
