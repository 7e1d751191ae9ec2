//! Hashes of passwords, as crypt(3) writes them: which are accepted, and whether a password fits one. Pure: the crates of
//! RustCrypto do the computing. Not here: who asks for a password, and when.

use std::fmt;
use std::str::FromStr;

use sha_crypt::{PasswordVerifier, ShaCrypt};
use yescrypt::{Mode, Yescrypt};

/// A box may have 256 MiB; crypt(3)'s default takes 16.
const MOST_MEMORY: u64 = 64 << 20;
/// The rounds of SHA-crypt. The default is 5,000; an Atom of 2010 does some 100,000 in a second.
const ROUNDS: std::ops::RangeInclusive<u32> = 1000..=500_000;
/// crypt(3)'s limit for a whole hash is 384.
const LONGEST: usize = 256;
/// The digits of its base 64.
const DIGITS: &str = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A hash that a password can be checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Whether this is the password of the hash. Takes as long for a wrong one.
    pub fn fits(&self, password: &str) -> bool {
        let (password, hash) = (password.as_bytes(), self.0.as_str());
        if hash.starts_with("$y$") {
            Yescrypt::default().verify_password(password, hash).is_ok()
        } else {
            ShaCrypt::default().verify_password(password, hash).is_ok()
        }
    }
}

impl FromStr for PasswordHash {
    type Err = String;

    /// The error says why, and repeats nothing of the text: that may be a password.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters"));
        }
        let Some(rest) = text.strip_prefix('$') else {
            return Err("it does not begin with `$`, as a hash does".to_owned());
        };
        let fields: Vec<&str> = rest.split('$').collect();
        let (salt, digest, length) = match fields[..] {
            ["y", parameters, salt, digest] => {
                memory(parameters)?;
                (salt, digest, 43)
            }
            [kind @ ("5" | "6"), ref rest @ ..] => {
                let (salt, digest) = match *rest {
                    [salt, digest] => (salt, digest),
                    [rounds, salt, digest] => {
                        self::rounds(rounds)?;
                        (salt, digest)
                    }
                    _ => return Err("it does not have the parts of a hash".to_owned()),
                };
                if salt.len() > 16 {
                    return Err("its salt is longer than 16 characters".to_owned());
                }
                (salt, digest, if kind == "5" { 43 } else { 86 })
            }
            ["y", ..] => return Err("it does not have the parts of a hash".to_owned()),
            _ => return Err("its kind is none of `$y$` (yescrypt), `$6$` and `$5$` (SHA-crypt)".to_owned()),
        };
        let is_encoded = |part: &str| !part.is_empty() && part.chars().all(|digit| DIGITS.contains(digit));
        if !is_encoded(salt) {
            return Err("its salt is not valid".to_owned());
        }
        if !is_encoded(digest) || digest.len() != length {
            return Err(format!("its last part does not have {length} characters: is it cut off?"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Checks yescrypt's parameters.
fn memory(text: &str) -> Result<(), String> {
    let parameters: yescrypt::Params = text.parse().map_err(|_| "its parameters are not valid".to_owned())?;
    let bytes = u64::from(parameters.r()).saturating_mul(128).saturating_mul(parameters.n());
    if bytes > MOST_MEMORY {
        let limit = MOST_MEMORY >> 20;
        return Err(format!("a check of it takes {} MiB of memory; the limit is {limit} MiB", bytes >> 20));
    }
    // Other parameters only make it slower.
    let usual = yescrypt::Params::new(Mode::default(), parameters.n(), parameters.r(), 1);
    if usual.is_ok_and(|usual| usual.to_string() == text) {
        return Ok(());
    }
    Err("its parameters are not those of mkpasswd or passwd".to_owned())
}

fn rounds(text: &str) -> Result<(), String> {
    let number = text.strip_prefix("rounds=").filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    match number.and_then(|number| number.parse::<u32>().ok()) {
        Some(number) if ROUNDS.contains(&number) => Ok(()),
        Some(_) => Err(format!("it does not have {} to {} rounds", ROUNDS.start(), ROUNDS.end())),
        None => Err("it does not have the parts of a hash".to_owned()),
    }
}

impl fmt::Debug for PasswordHash {
    /// Without the hash: a Config may get into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the password `segbox`, made by crypt(3) of Debian's libcrypt1. The first one takes less memory than the default: tests are
    /// compiled without optimization.
    const HASHES: [&str; 4] = [
        "$y$j75$LdJMENpBABJJ3hIHjB1Bi.$h58o5QSe1LXv2hBkFLxiu2YwKjvWe0LutdKKb4h4F0C",
        "$6$saltsaltsalt$Mu2Qp0pZHPlasfdp1HewnkyLQeNMri8nxp/bs3zqBT80.spBDOojAMEfriNXxLltl8qcdnoI/VqX8KxFixij40",
        "$6$rounds=1000$another$3S3zUZxobTj8M8m2IcQ0mYbf5z1phhwBcwSIuRLOaGK2VsB.gjIH6XhrBY7jUsks/N.Aqr97u5GIizqf6yBsR1",
        "$5$sha256salt$YEeV2rz6RiiL7ZEcPES4bZKyZKePEZDstX.UK0RPbC.",
    ];

    fn why(text: &str) -> String {
        text.parse::<PasswordHash>().expect_err(text)
    }

    #[test]
    fn the_hashes_of_crypt_fit_their_password_and_no_other() {
        for text in HASHES {
            let hash: PasswordHash = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
            assert!(hash.fits("segbox"), "{text}");
            for wrong in ["", "Segbox", "segbox ", "segbo"] {
                assert!(!hash.fits(wrong), "{text}: {wrong}");
            }
            assert!(!format!("{hash:?}").contains(text), "not in a log");
        }
    }

    #[test]
    fn other_texts_are_told_why() {
        assert!(why("segbox").contains("does not begin with `$`"));
        assert!(why("").contains("does not begin with `$`"));
        for other in ["$1$salt$qJH7.N4xYta3aEG/dfqo/0", "$2b$05$abcdefghijklmnopqrstuu", "$argon2id$v=19$m=1$c$d", "$"]
        {
            assert!(why(other).contains("its kind"), "{other}");
        }
        for text in HASHES {
            assert!(why(&text[..text.len() - 1]).contains("cut off"), "{text}");
            assert!(why(&format!("{text}=")).contains("cut off"), "{text}");
            assert!(why(&format!("{text}$")).contains(""), "{text}");
            let end = text.rfind('$').expect("parts");
            assert!(why(&text[..=end]).contains("cut off"), "an empty digest fits every password: {text}");
        }
        assert!(why(&"$y".repeat(200)).contains("longer"));
    }

    #[test]
    fn a_hash_cannot_take_the_memory_or_the_time_of_a_box() {
        let (salt, digest) = ("LdJMENpBABJJ3hIHjB1Bi.", "a".repeat(43));
        // N = 2^18, r = 32: 1 GiB.
        assert!(why(&format!("$y$jFT${salt}${digest}")).contains("1024 MiB"));
        for parameters in ["", "j", "!!!", "j9T00", "zzzzzzzz"] {
            let why = why(&format!("$y${parameters}${salt}${digest}"));
            assert!(why.contains("its parameters"), "{parameters}: {why}");
        }
        let digest = "a".repeat(86);
        for rounds in ["999", "500001", "999999999"] {
            assert!(why(&format!("$6$rounds={rounds}$salt${digest}")).contains("rounds"), "{rounds}");
        }
        assert!(why(&format!("$6$rounds=x$salt${digest}")).contains("parts"));
    }
}
