//! The process that keeps a box tuned: it holds what only a living process can hold, and turns knobs again that a link or a driver
//! has reset. PID 1 has one always; elsewhere `segbox keep` is one.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use segbox_linux::tune::{Keeper, News};

use crate::router::{ChangeError, FolderError, OpenError, Router};

/// A driver that starts anew tells of many changes; they are mended together when it is done.
const QUIET: Duration = Duration::from_secs(1);
/// What no news tell of (a transmit timeout resets a card without a word to the ethtool family) is found by looking.
const LOOK: Duration = Duration::from_secs(60);

/// Why a box is not kept tuned.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum KeepError {
    #[error("another segbox keeps this box tuned")]
    #[diagnostic(help("one is enough: leave it, or end it first"))]
    Another,
    #[error("this is not the box's own network namespace")]
    #[diagnostic(help("run it outside of `ip netns exec`: hardware is the box's, not a namespace's"))]
    NotTheBox,
    #[error("cannot hear of changes")]
    News(#[source] io::Error),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Change(#[from] ChangeError),
}

/// Keeps this box tuned until it ends. `say` hears what was mended, and what could not be.
pub(crate) fn keep(say: impl Fn(&str)) -> Result<(), KeepError> {
    if !Router::open("keep")?.is_the_boxs_own() {
        return Err(KeepError::NotTheBox);
    }
    let mut keeper = Keeper::become_one().map_err(KeepError::News)?.ok_or(KeepError::Another)?;
    let news = News::open().map_err(KeepError::News)?;
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let wishes = inotify::init(flags).map_err(|errno| KeepError::News(errno.into()))?;
    let changes = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::DELETE;
    inotify::add_watch(&wishes, Keeper::FOLDER, changes).map_err(|errno| KeepError::News(errno.into()))?;
    // A box whose knobs somebody turned while there was no keeper.
    let mut due = Instant::now() + QUIET;
    let mut said = false;
    loop {
        // Once: a kernel without the device will not get one.
        if let (Err(error), false) = (keeper.hold(), said) {
            said = true;
            say(&format!("the CPUs' wake-up latency cannot be held: {error}"));
        }
        wait(&news, &wishes, due);
        let mut buffer = [std::mem::MaybeUninit::uninit(); 1024];
        let mut told = inotify::Reader::new(&wishes, &mut buffer);
        while told.next().is_ok() {}
        if news.hear() {
            due = due.min(Instant::now() + QUIET);
        }
        if Instant::now() >= due {
            due = Instant::now() + look(&say);
        }
    }
}

/// Until there is something to hear, or it is time.
fn wait(news: &News, wishes: &impl AsFd, until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
    let fds = news.fds().chain(std::iter::once(wishes.as_fd()));
    let mut waiting: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    // A signal that ends the wait early costs one look.
    let _ = poll(&mut waiting, Some(&timeout));
}

/// Looks once, and mends; gives how long to wait for the next look.
fn look(say: &impl Fn(&str)) -> Duration {
    match Router::open("keep").map_err(KeepError::from).and_then(|mut router| Ok(router.retune()?)) {
        Ok(mended) => {
            mended.iter().for_each(|step| say(&format!("tuned again: {step}")));
            LOOK
        }
        // Somebody applies a file right now, which tunes as well.
        Err(KeepError::Change(ChangeError::Folder(FolderError::Busy { .. }))) => QUIET,
        Err(error) => {
            say(&format!("tuning cannot be looked after: {error}"));
            LOOK
        }
    }
}
