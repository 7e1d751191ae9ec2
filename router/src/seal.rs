//! Digests of HMAC secrets that tell nothing of the secrets. A plan, a dump and a status name a key's secret by its digest. Plain, a short secret
//! could be found by trying; so the digest is sealed with a random number that root alone can read, one for each network namespace. Not here: the
//! plain digest (`segbox_plan::identity`).

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use segbox_plan::identity::secret_digest;
use segbox_plan::materials::Secret;
use segbox_plan::state::HmacKey;
use segbox_plan::{Actual, Desired, Materials};
use sha2::{Digest, Sha256};

use crate::run::folder::{Folder, FolderError};

/// The file of the number, in the namespace's folder.
const FILE: &str = "digest-key";

/// The number.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Seal([u8; 32]);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Seal {
    /// That of a folder; a new one where it has none yet or a damaged one.
    pub(crate) fn of(folder: &Folder) -> Self {
        Self(kept(folder).unwrap_or_else(random))
    }

    /// Keeps it for later commands.
    pub(crate) fn keep(&self, folder: &Folder) -> Result<(), FolderError> {
        if kept(folder).is_some() { Ok(()) } else { folder.write(FILE, &self.0) }
    }

    fn seal(&self, digest: &str) -> String {
        let sealed = Sha256::new().chain_update(self.0).chain_update(digest.as_bytes()).finalize();
        hex::encode(&sealed[..8])
    }

    fn keys(&self, keys: &mut BTreeMap<u32, HmacKey>, secrets: &mut BTreeMap<String, Secret>) {
        keys.values_mut().for_each(|key| key.digest = self.seal(&key.digest));
        *secrets = std::mem::take(secrets).into_iter().map(|(digest, secret)| (self.seal(&digest), secret)).collect();
    }

    /// Seals what was found.
    pub(crate) fn found(&self, actual: &mut Actual, materials: &mut Materials) {
        self.keys(&mut actual.state.hmac_keys, &mut materials.secrets);
    }

    /// Seals what is wanted.
    pub(crate) fn wanted(&self, mut wanted: Desired) -> Desired {
        self.keys(&mut wanted.state.hmac_keys, &mut wanted.materials.secrets);
        wanted
    }

    /// Names keys by their secrets again: another number may have sealed them, or none.
    pub(crate) fn anew(&self, keys: &mut BTreeMap<u32, HmacKey>, secrets: &mut BTreeMap<String, Secret>) {
        for key in keys.values_mut() {
            if let Some(secret) = secrets.get(&key.digest) {
                key.digest = self.seal(&secret_digest(&secret.0));
            }
        }
        let again = |secret: Secret| (self.seal(&secret_digest(&secret.0)), secret);
        *secrets = std::mem::take(secrets).into_values().map(again).collect();
    }
}

fn kept(folder: &Folder) -> Option<[u8; 32]> {
    folder.read(FILE).ok()??.try_into().ok()
}

/// A number that nobody can guess.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut device| device.read_exact(&mut bytes));
    if read.is_err() {
        // Where there is no /dev: the standard library asks the kernel for its seed.
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&RandomState::new().hash_one(0).to_le_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use segbox_config::model::HmacAlgorithm;

    use super::*;

    fn keys(digest: &str) -> BTreeMap<u32, HmacKey> {
        BTreeMap::from([(7, HmacKey { algorithm: HmacAlgorithm::Sha256, digest: digest.to_owned() })])
    }

    #[test]
    fn a_sealed_digest_is_the_same_in_its_namespace_and_another_one_elsewhere() {
        let [here, there] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let [one, other] = [&here, &there].map(|place| Folder::at(place.path()));
        let seal = Seal::of(&one);
        assert_ne!(Seal::of(&one), seal, "it is not kept yet");
        seal.keep(&one).expect("writable");
        seal.keep(&one).expect("writable");
        assert_eq!(Seal::of(&one), seal);
        let plain = secret_digest(b"secret");
        let sealed = seal.seal(&plain);
        assert_ne!(sealed, plain);
        assert_ne!(Seal::of(&other).seal(&plain), sealed);
        std::fs::write(one.path(FILE), "short").expect("ours");
        assert_ne!(Seal::of(&one), seal);
    }

    #[test]
    fn what_was_sealed_otherwise_or_not_at_all_finds_its_secret_again() {
        let secret = Secret(b"secret".to_vec());
        let plain = secret_digest(&secret.0);
        let seal = Seal(random());
        for earlier in [plain.clone(), Seal(random()).seal(&plain), seal.seal(&plain)] {
            let (mut found, mut secrets) = (keys(&earlier), BTreeMap::from([(earlier, secret.clone())]));
            seal.anew(&mut found, &mut secrets);
            assert_eq!(found, keys(&seal.seal(&plain)));
            assert_eq!(secrets.get(&found[&7].digest), Some(&secret));
        }
    }
}
