//! The kernel's reply to a request, and the errors on the way to it. Not here: what was asked, or what to do about an error.

use std::fmt;
use std::io;

use super::frame::{attributes, u32_of};

/// Why the kernel refused a request: its error number, and its message where it sends one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// An `errno`, positive: 17 is EEXIST.
    pub errno: i32,
    /// The extended acknowledgement (NLMSGERR_ATTR_MSG): `Nexthop has invalid gateway`. Linux 4.12.
    pub words: Option<String>,
}

/// The errors between a request and its reply.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The kernel refused the request.
    #[error("the kernel answered: {0}")]
    Refused(Refusal),
    /// The receive queue was full (ENOBUFS), so it is not known whether the request was done.
    #[error("the kernel's reply was lost")]
    Lost,
    /// The table changed during each of several readings.
    #[error("the kernel's table changed during each reading")]
    Restless,
    /// The request could not be sent.
    #[error("cannot send a netlink request")]
    Send(#[source] io::Error),
    /// The reply could not be read.
    #[error("cannot read a netlink reply")]
    Receive(#[source] io::Error),
}

/// The kernel's internal number for "not supported" (include/linux/errno.h). It should not reach user space, but it does.
const ENOTSUPP: i32 = 524;

/// NLMSGERR_ATTR_MSG (include/uapi/linux/netlink.h).
const ATTR_MSG: u16 = 1;
/// NLM_F_CAPPED: the acknowledgement repeats the request's header only.
const CAPPED: u16 = 0x100;
/// NLM_F_ACK_TLVS: attributes follow.
const ACK_TLVS: u16 = 0x200;

/// Reads an NLMSG_ERROR's payload: None for "done".
pub(super) fn refusal(flags: u16, payload: &[u8]) -> Option<Refusal> {
    let errno = u32_of(payload)?.cast_signed().checked_neg()?;
    if errno == 0 {
        return None;
    }
    let words = (flags & ACK_TLVS != 0).then(|| words(flags, payload)).flatten();
    Some(Refusal { errno, words })
}

fn words(flags: u16, payload: &[u8]) -> Option<String> {
    // After the error number comes the request: its header alone (16 bytes) if it is capped, else all of it.
    let request = payload.get(4..)?;
    let length = if flags & CAPPED != 0 { 16 } else { u32_of(request)? as usize };
    let text = attributes(request.get(length..)?).find(|(kind, _)| *kind == ATTR_MSG)?.1;
    Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.errno {
            ENOTSUPP => "Operation not supported".to_owned(),
            errno => io::Error::from_raw_os_error(errno).to_string(),
        };
        // std appends the number in brackets, which helps no reader.
        f.write_str(text.split(" (os error").next().unwrap_or_default())?;
        match &self.words {
            Some(words) => write!(f, " ({words})"),
            None => Ok(()),
        }
    }
}

impl TalkError {
    /// A copy, for each of the requests that shared one datagram.
    pub(super) fn same(&self) -> Self {
        let again = |error: &io::Error| match error.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::from(error.kind()),
        };
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.clone()),
            Self::Lost => Self::Lost,
            Self::Restless => Self::Restless,
            Self::Send(error) => Self::Send(again(error)),
            Self::Receive(error) => Self::Receive(again(error)),
        }
    }

    /// The kernel's error number, if the kernel refused the request.
    pub(crate) fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused(refusal) => Some(refusal.errno),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_words_behind_a_capped_request() {
        let mut payload = (-17_i32).to_ne_bytes().to_vec();
        payload.extend([0; 16]);
        payload.extend([10, 0, 1, 0]);
        payload.extend(b"exists\0\0");
        let refusal = refusal(CAPPED | ACK_TLVS, &payload).expect("an error");
        assert_eq!(refusal, Refusal { errno: 17, words: Some("exists".into()) });
        assert_eq!(refusal.to_string(), "File exists (exists)");
    }

    #[test]
    fn zero_means_done_and_a_short_reply_never_panics() {
        assert_eq!(refusal(0, &[0; 4]), None);
        assert_eq!(refusal(0, &[1, 2]), None);
        let short = refusal(ACK_TLVS, &(-22_i32).to_ne_bytes()).expect("an error");
        assert_eq!(short, Refusal { errno: 22, words: None });
        assert_eq!(refusal(0, &i32::MIN.to_ne_bytes()), None);
    }
}
