//! Checks the user's keys, and signs with them: for the firmware with sbsign, for GRUB as OpenPGP, and a slot's manifest as minisign.
//! Without a key nothing is signed. Does not sign the UKI for the firmware: mkosi does, when it packs it.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use minisign::SecretKeyBox;
use sha2::{Digest, Sha256};

use super::openpgp::{PublicKey, Signing};
use super::release::Release;
use super::{Options, Tools, tree};
use crate::failure::Failure;
use crate::process;

/// The requirements for the key of Secure Boot.
const PEM: &str = "give an RSA key in PEM without a password, and its certificate, as `openssl req -x509 -newkey rsa:2048 -nodes` makes them";
/// The key's password, if it has one.
const PASSWORD: &str = "SEGBOX_MINISIGN_PASSWORD";

/// Finds out whether the keys can be used, before anything is built. Otherwise a signing program would ask for a password in the middle
/// of the build, or accept a certificate that the firmware then refuses.
///
/// # Errors
/// A file is missing or is no key, a password is wrong or missing, or the certificate belongs to another key.
pub(super) fn check(tools: &Tools, options: &Options) -> Result<(), Failure> {
    if let Some(path) = &options.minisign_key {
        signed(path, "")?;
    }
    let (Some(key), Some(certificate)) = (&options.secure_boot_key, &options.secure_boot_certificate) else {
        return Ok(());
    };
    let openssl = |arguments: &[&str], path: &Path, fix: &str| {
        tree::read(path)?;
        process::output(tools.command("openssl").args(arguments).arg("-in").arg(path), fix)
            .map_err(|failure| Failure { tried: format!("cannot use {}", path.display()), ..failure })
    };
    // With an empty password openssl does not ask for one.
    let public = ["pkey", "-passin", "pass:", "-pubout"];
    let no_key = "give an RSA key in PEM without a password: `openssl pkey -in KEY -out PLAIN` removes the password";
    let of_key = openssl(&public, key, no_key)?;
    let no_certificate = "give the key's certificate in PEM, as `openssl req -x509 -key KEY` makes it";
    let of_certificate = openssl(&["x509", "-pubkey", "-noout"], certificate, no_certificate)?;
    if of_key != of_certificate {
        return Err(Failure::new(
            format!("cannot sign with {}", key.display()),
            format!("{} is the certificate of another key", certificate.display()),
            no_certificate,
        ));
    }
    // A board has to support only RSA with 2048 bits (UEFI specification, section 32.2.4).
    let text = openssl(&["pkey", "-passin", "pass:", "-noout", "-text_pub"], key, no_key)?;
    if text.contains("Modulus") {
        return Ok(());
    }
    Err(Failure::new(
        format!("cannot sign with {}", key.display()),
        "it is no RSA key, and firmware checks signatures of RSA keys only",
        "make one with `openssl genrsa -out KEY 2048`, and its certificate",
    ))
}

/// Signs for firmware and GRUB with the key of Secure Boot.
pub(super) struct Signer<'a> {
    tools: &'a Tools,
    key: &'a Path,
    certificate: &'a Path,
    public: PublicKey,
    fingerprint: [u8; 20],
    time: u32,
    scratch: PathBuf,
}

impl<'a> Signer<'a> {
    /// A signer with the user's key, if there is one.
    ///
    /// # Errors
    /// [`check`] would refuse the key.
    pub(super) fn of(
        tools: &'a Tools,
        options: &'a Options,
        release: &Release,
        work: &Path,
    ) -> Result<Option<Self>, Failure> {
        let (Some(key), Some(certificate)) = (&options.secure_boot_key, &options.secure_boot_certificate) else {
            return Ok(None);
        };
        let scratch = work.join("sign");
        let openssl = |arguments: &[&str]| {
            process::output(
                tools.command("openssl").args(arguments).arg("-in").arg(key).args(["-passin", "pass:"]),
                PEM,
            )
        };
        let bad = |what: &str| Failure::new(format!("cannot use {}", key.display()), format!("no {what} in it"), PEM);
        let modulus = openssl(&["rsa", "-noout", "-modulus"])?;
        let modulus = modulus.strip_prefix("Modulus=").and_then(|digits| hex::decode(digits).ok());
        let text = openssl(&["pkey", "-noout", "-text_pub"])?;
        let exponent =
            text.lines().find_map(|line| line.strip_prefix("Exponent: ")?.split(' ').next()?.parse::<u64>().ok());
        let public = PublicKey::new(
            &modulus.ok_or_else(|| bad("modulus"))?,
            &exponent.ok_or_else(|| bad("exponent"))?.to_be_bytes(),
        );
        tree::write(&scratch, public.fingerprinted())?;
        let hash = process::output(tools.command("openssl").args(["dgst", "-sha1", "-r"]).arg(&scratch), PEM)?;
        let hash = hash.split(' ').next().and_then(|digits| hex::decode(digits).ok()?.try_into().ok());
        let fingerprint = hash.ok_or_else(|| bad("fingerprint"))?;
        // GRUB does not check the time, so any value serves where it no longer fits.
        let time = u32::try_from(release.time).unwrap_or(u32::MAX);
        Ok(Some(Self { tools, key, certificate, public, fingerprint, time, scratch }))
    }

    /// The public key, for GRUB.
    pub(super) fn public_key(&self) -> Vec<u8> {
        self.public.packet()
    }

    /// Writes a copy of a program that carries a signature for the firmware.
    pub(super) fn sign_for_firmware(&self, program: &Path, signed: &Path) -> Result<(), Failure> {
        if let Some(folder) = signed.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
        }
        let mut sign = self.tools.command("sbsign");
        sign.arg("--key").arg(self.key).arg("--cert").arg(self.certificate).arg("--output").arg(signed).arg(program);
        process::output(&mut sign, PEM).map(drop)
    }

    /// Writes a file's signature beside it, for GRUB.
    pub(super) fn sign_for_grub(&self, path: &Path) -> Result<(), Failure> {
        let content = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        let signing = Signing::at(self.time);
        let signed = signing.signed(&content);
        tree::write(&self.scratch, &signed)?;
        let made = self.scratch.with_extension("rsa");
        let mut sign = self.tools.command("openssl");
        sign.args(["dgst", "-sha256", "-passin", "pass:", "-sign"]).arg(self.key).arg("-out").arg(&made);
        process::output(sign.arg(&self.scratch), PEM)?;
        let number = fs::read(&made).map_err(|error| Failure::file("read", &made, &error))?;
        let packet = signing.packet(&self.fingerprint, &Sha256::digest(&signed), &number);
        tree::write(&with_ending(path, "sig"), packet)
    }

    /// Writes the certificate in the format that firmware reads.
    pub(super) fn write_certificate(&self, place: &Path) -> Result<(), Failure> {
        let mut convert = self.tools.command("openssl");
        convert.args(["x509", "-outform", "DER", "-in"]).arg(self.certificate).arg("-out").arg(place);
        process::output(&mut convert, PEM).map(drop)
    }
}

/// `segbox.efi.sig`
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Writes `manifest.json.minisig`, if there is a key. `minisign -Vm manifest.json -P PUBLIC` checks it.
///
/// # Errors
/// The file is no key, or the password is wrong.
pub(super) fn manifest(options: &Options, output: &Path) -> Result<(), Failure> {
    let Some(path) = &options.minisign_key else { return Ok(()) };
    let manifest = tree::read(&output.join("manifest.json"))?;
    tree::write(&output.join("manifest.json.minisig"), signed(path, &manifest)?)
}

fn signed(key: &Path, content: &str) -> Result<String, Failure> {
    sign(&tree::read(key)?, std::env::var(PASSWORD).ok(), content).map_err(|error| {
        Failure::new(
            format!("cannot sign with {}", key.display()),
            error.to_string(),
            format!("give a key as `minisign -G` makes it, and its password in {PASSWORD} if it has one"),
        )
    })
}

fn sign(key: &str, password: Option<String>, content: &str) -> minisign::Result<String> {
    let key = SecretKeyBox::from_string(key)?;
    // `minisign -G -W` makes a key without a password.
    let key = match password {
        Some(password) => key.into_secret_key(Some(password))?,
        None => key.into_unencrypted_secret_key()?,
    };
    // The comment is signed too. The crate puts random numbers into the signature, as a protection against faults of the machine. So
    // two builds have the same manifest, but not the same signature.
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
