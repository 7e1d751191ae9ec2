//! Many requests at once: packed into few datagrams, spread over the sockets' threads, a result for each. Not here: what the
//! requests are, or what their refusals mean; but for one, ENOMEM, which passes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use netlink_packet_core::NLM_F_ACK;
use rustix::io::Errno;

use super::frame::u16_of;
use super::reply::{Refusal, TalkError, refusal};
use super::socket::Socket;

/// Requests a datagram. Past this the cost of the system calls is lost in that of the routes (under 1 %), and the answers
/// to a datagram in which every request fails still fit the receive queue.
const CHUNK: usize = 256;

/// Bytes a datagram: below the default send buffer (net.core.wmem_default, 208 KiB), past which the kernel says EMSGSIZE.
/// One request of the largest segment list is 2 KiB.
const CHUNK_BYTES: usize = 64 << 10;

/// Fewer requests than this are done sooner than another thread starts.
const WORTH_A_THREAD: usize = 4 * CHUNK;

/// How long to let the kernel catch up after ENOMEM: doubled from the first to the last, then given up. Each seg6 route
/// takes per-CPU memory that the kernel hands out from a reserve and refills from a work queue (mm/percpu.c, pcpu_balance_workfn);
/// a fast enough stream of routes, tens of thousands, runs the reserve dry; a refill is good for a few hundred. Three seconds in which not one
/// more fits are no longer that; a worker whose CPU is busy elsewhere may take some tenths.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Why one request of a batch was not done.
pub(super) enum Undone<E> {
    /// It could not be made.
    NotMade(E),
    /// It was made, and not done.
    NotDone(TalkError),
}

/// Makes request `index` under a sequence number, at a buffer's end.
pub(super) trait Make<E>: Fn(usize, u32, &mut Vec<u8>) -> Result<(), E> + Sync {}
impl<E, F: Fn(usize, u32, &mut Vec<u8>) -> Result<(), E> + Sync> Make<E> for F {}

/// Writes requests 0 to `count`, each whatever became of the others; gives those that were not done, in no order.
pub(super) fn write<E: Send>(sockets: &mut [Socket], count: usize, make: &impl Make<E>) -> Vec<(usize, Undone<E>)> {
    let next = AtomicUsize::new(0);
    // Each thread takes the next chunk as it finishes one: a slow chunk holds up nobody.
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
            // Where no thread can be had, this one does it all.
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

/// Writes a chunk, and what of it meets ENOMEM again and again until it fits.
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

/// Writes a chunk once, in as many datagrams as it takes.
fn once<E>(socket: &mut Socket, chunk: &[usize], make: &impl Make<E>) -> Vec<(usize, Undone<E>)> {
    let mut undone = Vec::new();
    let mut buffer = Vec::with_capacity(CHUNK_BYTES + 4096);
    let mut rest = chunk;
    while !rest.is_empty() {
        let first = socket.sequences(u32::try_from(rest.len()).expect("a chunk is small"));
        buffer.clear();
        // Which request stands behind each sequence number from `first` on; None where none could be made.
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

/// Sends a datagram of requests and reads the refusals. Only the last one asks for an acknowledgement: the kernel works through
/// a datagram in order before `send` returns, and reports each refusal unasked, so silence up to the last one's answer means done.
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
