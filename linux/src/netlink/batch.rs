//! Sends many requests: packs them into few datagrams, spreads these over the sockets' threads, and gives a result for each request. Not
//! here: what the requests are, or what their refusals mean. Only ENOMEM is handled here, since it passes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use netlink_packet_core::NLM_F_ACK;
use rustix::io::Errno;

use super::frame::u16_of;
use super::reply::{Refusal, TalkError, refusal};
use super::socket::Socket;

/// Requests per datagram. With so many the system calls cost under 1 % of what the routes cost, and the replies to a datagram in which
/// every request fails still fit the receive queue.
const CHUNK: usize = 256;

/// Bytes per datagram. The kernel refuses (EMSGSIZE) more than the default send buffer holds (net.core.wmem_default, 208 KiB).
/// One request of the largest segment list is 2 KiB.
const CHUNK_BYTES: usize = 64 << 10;

/// With fewer requests than this, starting another thread takes longer than sending them.
const WORTH_A_THREAD: usize = 4 * CHUNK;

/// How long to wait after ENOMEM: the pause is doubled from the first to the last, then the requests are given up.
///
/// Each seg6 route takes per-CPU memory from a reserve, which a work queue of the kernel refills (mm/percpu.c, pcpu_balance_workfn). A fast
/// stream of tens of thousands of routes empties the reserve, and one refill is enough for a few hundred. A worker on a busy CPU may need
/// some tenths of a second. If not one more route fits within three seconds, the kernel is out of memory indeed.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Why one request of a batch was not done.
pub(super) enum Undone<E> {
    /// It could not be encoded.
    NotMade(E),
    /// It was sent and refused, or its reply was lost.
    NotDone(TalkError),
}

/// Appends request `index` to a buffer, with this sequence number.
pub(super) trait Make<E>: Fn(usize, u32, &mut Vec<u8>) -> Result<(), E> + Sync {}
impl<E, F: Fn(usize, u32, &mut Vec<u8>) -> Result<(), E> + Sync> Make<E> for F {}

/// Sends requests 0 to `count`; one that fails does not keep the others from being sent. Gives the failed ones, in no order.
pub(super) fn write<E: Send>(sockets: &mut [Socket], count: usize, make: &impl Make<E>) -> Vec<(usize, Undone<E>)> {
    let next = AtomicUsize::new(0);
    // Each thread fetches the next chunk when it has finished one, so a slow chunk delays no other.
    let work = |socket: &mut Socket| {
        let mut undone = Vec::new();
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            if start >= count {
                return undone;
            }
            patiently(socket, (start..count.min(start + CHUNK)).collect(), make, &mut undone);
        }
    };
    match sockets {
        [first, others @ ..] if count >= WORTH_A_THREAD => thread::scope(|scope| {
            let start = |socket| thread::Builder::new().spawn_scoped(scope, || work(socket));
            // If no thread can be started, this one sends everything.
            let others: Vec<_> = others.iter_mut().filter_map(|socket| start(socket).ok()).collect();
            let mut undone = work(first);
            for other in others {
                undone.extend(other.join().expect("a batch's thread does not panic"));
            }
            undone
        }),
        [first, ..] => work(first),
        [] => Vec::new(),
    }
}

/// Sends a chunk. Requests that the kernel refuses with ENOMEM are sent again after a pause.
fn patiently<E>(socket: &mut Socket, mut chunk: Vec<usize>, make: &impl Make<E>, undone: &mut Vec<(usize, Undone<E>)>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let tried = chunk.len();
        let mut starved = Vec::new();
        for (index, trouble) in once(socket, &chunk, make) {
            match trouble {
                Undone::NotDone(TalkError::Refused(no)) if is_starved(&no) => starved.push((index, no)),
                other => undone.push((index, other)),
            }
        }
        if starved.len() < tried {
            pause = FIRST_PAUSE;
        }
        if starved.is_empty() {
            return;
        }
        if pause > LAST_PAUSE {
            undone.extend(starved.into_iter().map(|(index, no)| (index, Undone::NotDone(TalkError::Refused(no)))));
            return;
        }
        thread::sleep(pause);
        pause *= 2;
        chunk = starved.into_iter().map(|(index, _)| index).collect();
    }
}

fn is_starved(no: &Refusal) -> bool {
    no.errno == Errno::NOMEM.raw_os_error()
}

/// Sends a chunk once, in as many datagrams as it needs.
fn once<E>(socket: &mut Socket, chunk: &[usize], make: &impl Make<E>) -> Vec<(usize, Undone<E>)> {
    let mut undone = Vec::new();
    let mut buffer = Vec::with_capacity(CHUNK_BYTES + 4096);
    let mut rest = chunk;
    while !rest.is_empty() {
        let first = socket.sequences(u32::try_from(rest.len()).expect("a chunk is small"));
        buffer.clear();
        // The request of each sequence number from `first` on; None where it could not be encoded.
        let mut sent = Vec::with_capacity(rest.len());
        let mut last = None;
        for (index, sequence) in rest.iter().zip(std::iter::successors(Some(first), |one| Some(one.wrapping_add(1)))) {
            if buffer.len() >= CHUNK_BYTES {
                break;
            }
            let start = buffer.len();
            match make(*index, sequence, &mut buffer) {
                Ok(()) => {
                    last = Some((start, sequence));
                    sent.push(Some(*index));
                }
                Err(error) => {
                    buffer.truncate(start);
                    undone.push((*index, Undone::NotMade(error)));
                    sent.push(None);
                }
            }
        }
        rest = &rest[sent.len()..];
        let Some(last) = last else { continue };
        match exchange(socket, &mut buffer, last) {
            Ok(refused) => undone.extend(refused.into_iter().filter_map(|(sequence, no)| {
                let index = sent.get(sequence.wrapping_sub(first) as usize).copied().flatten()?;
                Some((index, Undone::NotDone(TalkError::Refused(no))))
            })),
            Err(error) => {
                undone.extend(sent.into_iter().flatten().map(|index| (index, Undone::NotDone(error.same()))));
            }
        }
    }
    undone
}

/// Sends a datagram of requests and reads the refusals. Only the last request asks for an acknowledgement: the kernel handles a datagram in
/// order before `send` returns, and always reports refusals. So a request without a reply before the last acknowledgement was done.
fn exchange(
    socket: &mut Socket,
    buffer: &mut [u8],
    (start, last): (usize, u32),
) -> Result<Vec<(u32, Refusal)>, TalkError> {
    let flags = &mut buffer[start + 6..start + 8];
    let with_ack = u16_of(flags).expect("two bytes") | NLM_F_ACK;
    flags.copy_from_slice(&with_ack.to_ne_bytes());
    socket.send(buffer)?;
    let mut refused = Vec::new();
    loop {
        for frame in socket.receive()?.filter(Socket::is_reply) {
            refused.extend(refusal(frame.flags, frame.payload).map(|no| (frame.sequence, no)));
            if frame.sequence == last {
                return Ok(refused);
            }
        }
    }
}
