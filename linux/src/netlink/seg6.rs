//! The kernel's generic netlink family SEG6 (net/ipv6/seg6.c, Linux 4.10): the encapsulation source and the HMAC keys. Not here:
//! routes (route).

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use rustix::io::Errno;
use segbox_config::model::HmacAlgorithm;
use segbox_plan::identity::secret_digest;
use segbox_plan::materials::Secret;
use segbox_plan::state::HmacKey;

use super::frame::{attributes, u8_of, u32_of};
use super::generic::message;
use super::reply::{Refusal, TalkError};
use super::socket::{Raw, Socket};
use super::{generic, uapi};

/// ENOTSUPP: the reply of a kernel that was built without HMAC (CONFIG_IPV6_SEG6_HMAC).
const ENOTSUPP: i32 = 524;

/// The kernel's number of each algorithm (SEG6_HMAC_ALGO_*).
const ALGORITHMS: [(HmacAlgorithm, u8); 2] = [(HmacAlgorithm::Sha1, 1), (HmacAlgorithm::Sha256, 2)];

/// Every key by its id, and every secret by its digest.
type Keys = (BTreeMap<u32, HmacKey>, BTreeMap<String, Secret>);

/// A socket to the family.
pub(super) struct Seg6 {
    socket: Socket,
    /// Its number, once it was asked for.
    family: Option<u16>,
}

impl Seg6 {
    pub(super) fn open() -> std::io::Result<Self> {
        Ok(Self { socket: Socket::open(netlink_sys::protocols::NETLINK_GENERIC)?, family: None })
    }

    /// ENOENT: the kernel has no SRv6.
    fn family(&mut self) -> Result<u16, TalkError> {
        if let Some(family) = self.family {
            return Ok(family);
        }
        let id = generic::family(&mut self.socket, "SEG6")?.id;
        Ok(*self.family.insert(id))
    }

    /// With `::` the kernel chooses. None where the kernel has no SRv6.
    pub(super) fn source(&mut self) -> Result<Option<Ipv6Addr>, TalkError> {
        let family = match self.family() {
            Err(error) if error.errno() == Some(Errno::NOENT.raw_os_error()) => return Ok(None),
            other => other?,
        };
        self.socket.ask_for(family, &Raw(&message(uapi::SEG6_CMD_GET_TUNSRC, [])), |payload| {
            let (_, address) = attributes(payload.get(4..)?).find(|(kind, _)| *kind == uapi::SEG6_ATTR_DST)?;
            <[u8; 16]>::try_from(address).ok().map(Into::into)
        })
    }

    pub(super) fn set_source(&mut self, source: Ipv6Addr) -> Result<(), TalkError> {
        let family = self.family()?;
        let body = message(uapi::SEG6_CMD_SET_TUNSRC, [(uapi::SEG6_ATTR_DST, source.octets().to_vec())]);
        self.socket.ask(family, 0, &Raw(&body))
    }

    /// All keys: the kernel does not record which program made a key.
    pub(super) fn keys(&mut self) -> Result<Keys, TalkError> {
        let none = [Some(Errno::NOENT.raw_os_error()), Some(Errno::OPNOTSUPP.raw_os_error()), Some(ENOTSUPP)];
        let dump = self.family().and_then(|family| {
            self.socket
                .dump(family, &Raw(&message(uapi::SEG6_CMD_DUMPHMAC, [])), |payload| decode_key(payload.get(4..)?))
        });
        let rows = match dump {
            Err(error) if none.contains(&error.errno()) => Vec::new(),
            other => other?,
        };
        let mut keys = BTreeMap::new();
        let mut secrets = BTreeMap::new();
        for (id, algorithm, secret) in rows {
            let digest = secret_digest(&secret.0);
            keys.insert(id, HmacKey { algorithm, digest: digest.clone() });
            secrets.insert(digest, secret);
        }
        Ok((keys, secrets))
    }

    /// Makes or replaces a key.
    pub(super) fn put_key(&mut self, id: u32, algorithm: HmacAlgorithm, secret: &Secret) -> Result<(), TalkError> {
        self.set_key(id, Some((algorithm, &secret.0)))
    }

    /// Removes a key: an empty secret means that to the kernel.
    pub(super) fn remove_key(&mut self, id: u32) -> Result<(), TalkError> {
        self.set_key(id, None)
    }

    fn set_key(&mut self, id: u32, key: Option<(HmacAlgorithm, &[u8])>) -> Result<(), TalkError> {
        let family = self.family()?;
        let (algorithm, secret) = key.unwrap_or((HmacAlgorithm::Sha256, &[]));
        let number = ALGORITHMS.iter().find(|(name, _)| *name == algorithm).expect("both have their row").1;
        let too_long = |_| TalkError::Refused(Refusal { errno: Errno::INVAL.raw_os_error(), words: None });
        let length = u8::try_from(secret.len()).map_err(too_long)?;
        let body = message(
            uapi::SEG6_CMD_SETHMAC,
            [
                (uapi::SEG6_ATTR_HMACKEYID, id.to_ne_bytes().to_vec()),
                (uapi::SEG6_ATTR_SECRETLEN, vec![length]),
                (uapi::SEG6_ATTR_ALGID, vec![number]),
                (uapi::SEG6_ATTR_SECRET, secret.to_vec()),
            ],
        );
        self.socket.ask(family, 0, &Raw(&body))
    }
}

/// None for an algorithm that segbox does not know.
pub(super) fn decode_key(payload: &[u8]) -> Option<(u32, HmacAlgorithm, Secret)> {
    let (mut id, mut number, mut secret) = (0, 0, Vec::new());
    for (kind, value) in attributes(payload) {
        match kind {
            uapi::SEG6_ATTR_HMACKEYID => id = u32_of(value)?,
            uapi::SEG6_ATTR_ALGID => number = u8_of(value)?,
            uapi::SEG6_ATTR_SECRET => secret = value.to_vec(),
            _ => {}
        }
    }
    let algorithm = ALGORITHMS.iter().find(|(_, known)| *known == number)?.0;
    Some((id, algorithm, Secret(secret)))
}
