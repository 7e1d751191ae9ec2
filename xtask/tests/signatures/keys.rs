//! Keys as a user makes them: for Secure Boot by openssl, for slots by minisign.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use minisign::{KeyPair, PublicKey};

use crate::built::{run, tool};

/// The password of the minisign key.
pub(crate) const PASSWORD: &str = "correct horse";
const PASSWORD_IN: &str = "SEGBOX_MINISIGN_PASSWORD";

pub(crate) struct Keys {
    pub(crate) key: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) minisign: PathBuf,
    pub(crate) public: PublicKey,
}

impl Keys {
    pub(crate) fn new(folder: &Path) -> Self {
        let (key, certificate) = secure_boot(folder, "db");
        let pair = KeyPair::generate_encrypted_keypair(Some(PASSWORD.to_owned())).expect("random numbers");
        let minisign = folder.join("slot.key");
        fs::write(&minisign, pair.sk.to_box(None).expect("a key").to_string()).expect("writable");
        Self { key, certificate, minisign, public: pair.pk }
    }

    /// Names them to `xtask image`.
    pub(crate) fn give<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.arg("--secure-boot-key").arg(&self.key).arg("--secure-boot-certificate").arg(&self.certificate);
        command.arg("--minisign-key").arg(&self.minisign).env(PASSWORD_IN, PASSWORD)
    }

    /// A board's memory in which the certificate is all three: platform key, key exchange key, and what may be started.
    pub(crate) fn enrolled(&self, tools: &Path, variables: &Path) {
        let owner = "5e6b0c5a-86f1-4a3b-9a0e-3d1f6d5e6b0d";
        let mut enrol = tool("python3");
        enrol.env("PYTHONHOME", tools.join("usr")).env("PYTHONDONTWRITEBYTECODE", "1");
        enrol.args(["-m", "virt.firmware.vars", "--sb", "-i"]).arg(tools.join("usr/share/OVMF/OVMF_VARS_4M.fd"));
        for list in ["--set-pk", "--add-kek", "--add-db"] {
            enrol.args([list, owner]).arg(&self.certificate);
        }
        run(enrol.arg("-o").arg(variables));
    }
}

/// An RSA key and its certificate.
pub(crate) fn secure_boot(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (key, certificate) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.crt")));
    let mut make = tool("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a test of segbox", "-days", "30"]);
    // The machine's own settings are not for a program of another Debian.
    make.arg("-config").arg("/dev/null");
    run(make.arg("-keyout").arg(&key).arg("-out").arg(&certificate));
    (key, certificate)
}
