//! Changes that nobody confirmed in time: who undoes them, and again where an undo fails. The guard process does, the keeper beside it, and every
//! command before its own work, so that it takes no more than one living process. Not here: the undo (`confirm`).

use std::time::Duration;

use segbox_linux::Namespace;

use crate::error::with_causes;
use crate::run::folder::{Folder, PATIENCE};
use crate::run::pending::Pending;
use crate::{Router, guard};

/// Interval at which the guard process checks for the confirmation. It ends this long after a confirmation at the latest.
const LOOK: Duration = Duration::from_millis(200);
/// Interval at which the keeper looks. The guard process is usually first.
const KEEPER: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(60);

/// A change whose time was over when a command began.
#[derive(Debug)]
pub struct Overdue {
    /// How long its time had been over.
    pub late: Duration,
    /// Why it could not be undone now; None: it was.
    pub stays: Option<String>,
}

/// Undoes a change whose time is over, before a command does anything else. None: there is none.
pub fn settle() -> Option<Overdue> {
    let folder = Folder::of(Namespace::current().ok()?);
    // What cannot be read, the command itself will say.
    let late = Pending::read(&folder).ok()??.late()?;
    Some(Overdue { late, stays: undo("status", PATIENCE).err() })
}

/// What a look of the keeper or of the guard process found.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// No change waits.
    Nothing,
    /// A change waits for its confirmation for this time.
    Waits(Duration),
    /// A change was undone.
    Undone,
    /// A change cannot be undone now.
    Stays(String),
}

/// Looks after the pending change of one network namespace, from one look to the next.
#[derive(Debug)]
pub struct Watch {
    folder: Option<Folder>,
    /// Until the next try, after one has failed.
    pause: Duration,
}

impl Watch {
    /// In the network namespace of the calling thread.
    pub fn new() -> Self {
        Self { folder: Namespace::current().ok().map(Folder::of), pause: Duration::ZERO }
    }

    /// Looks once, and undoes what is overdue.
    pub fn look(&mut self) -> Look {
        let look = self.look_once();
        self.pause = match look {
            Look::Stays(_) => (self.pause * 2).clamp(KEEPER, LONGEST),
            _ => Duration::ZERO,
        };
        look
    }

    fn look_once(&self) -> Look {
        let Some(folder) = &self.folder else { return Look::Stays("the network namespace is not known".to_owned()) };
        match Pending::read(folder).map(|pending| pending.map(Pending::left)) {
            Ok(None) => Look::Nothing,
            Ok(Some(Some(left))) => Look::Waits(left),
            Ok(Some(None)) => match undo("keep", Duration::ZERO) {
                Ok(true) => Look::Undone,
                // Somebody else was first, or confirmed it.
                Ok(false) => Look::Nothing,
                Err(why) => Look::Stays(why),
            },
            Err(error) => Look::Stays(with_causes(&error)),
        }
    }

    /// How long the keeper waits for its next look.
    pub fn next(&self) -> Duration {
        self.pause.max(KEEPER)
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

/// One try, for a command. The router is opened for it: after an error nothing of the last try is used again. False: nothing is overdue any more.
fn undo(command: &'static str, patience: Duration) -> Result<bool, String> {
    let mut router = Router::open(command).map_err(|error| with_causes(&error))?;
    router.undo_overdue(patience).map_err(|error| with_causes(&error))
}

/// The guard process: waits for the confirmation, or undoes the change when the time is over, and tries until it is undone.
pub fn guard() {
    guard::outlive();
    let mut watch = Watch::new();
    let mut told = None;
    loop {
        let pause = match watch.look() {
            Look::Nothing => return,
            Look::Waits(left) => left.min(LOOK),
            Look::Undone => return guard::log("a change was undone: nobody confirmed it in time"),
            Look::Stays(why) => {
                if told.as_ref() != Some(&why) {
                    guard::log(&format!("cannot undo a change that nobody confirmed, and try again: {why}"));
                    told = Some(why);
                }
                watch.next()
            }
        };
        std::thread::sleep(pause);
    }
}
