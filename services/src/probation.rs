//! Undoes a change that nobody confirmed in time, where the process that `apply --confirm` started for that is gone or fails. Not here: the undo
//! (`segbox-router`).

use std::time::Instant;

use segbox_router::overdue::{Look, Watch};

/// The service.
pub(crate) struct Probation {
    watch: Watch,
    due: Instant,
    /// What was told already and has not changed.
    told: Option<String>,
}

impl Probation {
    pub(crate) fn open() -> Self {
        Self { watch: Watch::new(), due: Instant::now(), told: None }
    }

    /// When the next look is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Looks if it is time.
    pub(crate) fn attend(&mut self, say: &impl Fn(&str)) {
        if Instant::now() < self.due {
            return;
        }
        let line = match self.watch.look() {
            Look::Nothing | Look::Waits(_) => None,
            Look::Undone => Some("undone: a change that nobody confirmed in time".to_owned()),
            Look::Stays(why) => Some(format!("cannot undo a change that nobody confirmed in time: {why}")),
        };
        if let Some(line) = line.as_ref().filter(|line| self.told.as_ref() != Some(line)) {
            say(line);
        }
        self.told = line;
        self.due = Instant::now() + self.watch.next();
    }
}
