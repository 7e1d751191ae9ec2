//! The box's counters, from its `segbox status --json` before and after a search, compared with what the tester has sent and
//! received. lab.toml has the command that prints them.

use std::process::{Command, Stdio};

use super::file::BoxTable;
use crate::case::Case;
use crate::counters::Counters;
use crate::faults::Fault;
use crate::result::BoxCounters;
use crate::stop;

/// Why the box's counters cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CountersError {
    /// The command does not start.
    #[error(
        "lab.toml's [box] status: cannot start {command:?}; it runs without a shell, and its words are separated by spaces"
    )]
    Start {
        /// The command.
        command: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The command fails.
    #[error("lab.toml's [box] status: {command:?} failed ({status}): {said}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last line of its standard error.
        said: String,
    },
    /// The command prints something else.
    #[error("lab.toml's [box] status: the output of {command:?} is not that of `segbox status --json`")]
    Other {
        /// The command.
        command: String,
        /// The parse error.
        source: serde_json::Error,
    },
    /// The box's ports have other names.
    #[error(
        "by its status the box has no link {0}; write the names of its two ports in lab.toml's [box]: ports = [\"eth0\", \"eth1\"]"
    )]
    NoLink(String),
    /// A signal has requested to stop.
    #[error("interrupted")]
    Stopped,
}

/// Reads the box's counters. None if lab.toml has no command for it.
///
/// # Errors
/// [`CountersError`].
pub(super) fn ask(of: &BoxTable) -> Result<Option<Counters>, CountersError> {
    status(of)?.map(|text| read(of, &text)).transpose()
}

/// The output of the command in lab.toml. None if it has none.
///
/// # Errors
/// [`CountersError`].
pub(super) fn status(of: &BoxTable) -> Result<Option<String>, CountersError> {
    let Some(words) = &of.status else { return Ok(None) };
    let command = words.clone();
    let mut words = words.split_whitespace();
    // LabFile::read refuses an empty command.
    let program = words.next().unwrap_or_default();
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|source| CountersError::Start { command: command.clone(), source })?;
    // Ctrl-C in a terminal ends the command as well.
    if stop::requested() {
        return Err(CountersError::Stopped);
    }
    // Exit code 3 means that something deviates. That does not concern the measurement.
    if !matches!(output.status.code(), Some(0 | 3)) {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").trim().to_owned();
        return Err(CountersError::Failed { command, status: output.status, said });
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The counters in a status, which must have both ports.
///
/// # Errors
/// [`CountersError`].
pub(super) fn read(of: &BoxTable, text: &str) -> Result<Counters, CountersError> {
    let command = of.status.clone().unwrap_or_default();
    let counters = Counters::read(text).map_err(|source| CountersError::Other { command, source })?;
    match of.ports.iter().find(|port| !counters.has_link(port)) {
        Some(port) => Err(CountersError::NoLink(port.clone())),
        None => Ok(counters),
    }
}

/// The versions of the box's segbox and kernel; empty if the status does not have them.
pub(super) fn version(status: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Versions {
        version: String,
        kernel: String,
    }
    serde_json::from_str(status).map_or_else(
        |_| String::new(),
        |Versions { version, kernel }| format!("the box's: segbox {version} on Linux {kernel}"),
    )
}

/// The packets of a search, as the tester has counted them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// Sent packets.
    pub(super) sent: u64,
    /// Received packets.
    pub(super) received: u64,
    /// Most frames that the kernels of box and tester have sent to each other: neighbour solicitations, multicast reports.
    pub(super) talk: u64,
}

/// The box's counters for a search, and the faults if they do not agree with the tester's. Pure.
pub(super) fn reconcile(
    case: &Case,
    ports: &[String; 2],
    passed: Passed,
    before: &Counters,
    after: &Counters,
) -> (BoxCounters, Vec<Fault>) {
    let Passed { sent, received, talk } = passed;
    let grown = |port: &str| {
        let (before, after) = (before.of_link(port), after.of_link(port));
        (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1))
    };
    let dropped = after.dropped(&ports[0]).saturating_sub(before.dropped(&ports[0]));
    let ((came_in, _), (_, went_out)) = (grown(&ports[0]), grown(&ports[1]));
    let mut faults = Vec::new();
    if came_in > sent + talk {
        faults.push(Fault::Link { link: ports[0].clone(), passed: sent, counted: came_in });
    }
    let mut counted = BoxCounters { came_in, went_out, ..BoxCounters::default() };
    if let Some(sid) = &case.sid {
        match (before.of_sids(sid), after.of_sids(sid)) {
            (Some(before), Some(after)) => {
                let (packets, errors) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
                (counted.sid, counted.sid_errors) = (Some(packets), errors);
                // Packets that the port received reach the SID, except those that the port dropped (a full backlog). A packet
                // that the queue behind the SID drops is also an error of the SID (seg6_local.c, seg6_local_input_core).
                let least = came_in.saturating_sub(dropped + talk);
                let lost_inside = came_in.saturating_sub(went_out) + talk;
                if !(least..=came_in).contains(&(packets + errors)) || errors > lost_inside {
                    faults.push(Fault::Sid { sid: sid.clone(), sent: came_in, counted: packets, errors });
                }
            }
            _ => faults.push(Fault::NoCounter(sid.clone())),
        }
    }
    if went_out < received {
        faults.push(Fault::Link { link: ports[1].clone(), passed: received, counted: went_out });
    }
    let (lost, behind) = (sent.saturating_sub(received), went_out.saturating_sub(received));
    if behind > talk && 2 * behind > lost {
        faults.push(Fault::Behind { link: ports[1].clone(), went_out, received });
    }
    (counted, faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case;

    fn at(rx: u64, dropped: u64, sid: (u64, u64), tx: u64) -> Counters {
        let (packets, errors) = sid;
        let text = format!(
            r#"{{"sids": [{{"sid": "fc00:0:2:1::/128", "packets": {packets}, "errors": {errors}}}], "links": [
            {{"name": "eth0", "rx-packets": {rx}, "tx-packets": 5, "rx-dropped": {dropped}}},
            {{"name": "eth1", "rx-packets": 5, "tx-packets": {tx}, "rx-dropped": 0}}]}}"#
        );
        Counters::read(&text).expect("a status")
    }

    fn told(sent: u64, received: u64, after: &Counters) -> Vec<String> {
        let end = case::all().into_iter().find(|case| case.id == "end").expect("there");
        let ports = ["eth0", "eth1"].map(str::to_owned);
        let passed = Passed { sent, received, talk: 10 };
        let (counted, faults) = reconcile(&end, &ports, passed, &at(100, 0, (7, 0), 100), after);
        assert_eq!(counted.sid.is_none(), after == &Counters::default(), "{counted:?}");
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_command_that_does_not_work_is_named() {
        let told = |status: &str| {
            let mut file = super::super::file::tests::file().box_;
            file.status = Some(status.to_owned());
            ask(&file).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(told("/nonexistent status --json").contains("cannot start \"/nonexistent status --json\""));
        assert!(told("ls /nonexistent").contains("No such file"), "{}", told("ls /nonexistent"));
        assert!(told("echo hello").contains("is not that of"));
        assert!(told(r#"echo {"sids":[],"links":[]}"#).contains("no link eth0"));
        let all = |name: &str| format!(r#"{{"name":"{name}","rx-packets":1,"tx-packets":2}}"#);
        assert_eq!(told(&format!(r#"echo {{"sids":[],"links":[{},{}]}}"#, all("eth0"), all("eth1"))), "");
    }

    #[test]
    fn counts_that_agree_are_no_fault_and_others_are_named() {
        // 1000 were sent; 900 came in, and two solicitations; 890 left.
        assert_eq!(told(1000, 890, &at(1002, 0, (907, 0), 990)), [""; 0]);
        // A full backlog dropped 100.
        assert_eq!(told(1000, 790, &at(1000, 100, (807, 0), 890)), [""; 0]);
        let one = |told: Vec<String>| {
            assert_eq!(told.len(), 1, "{told:?}");
            told.into_iter().next().unwrap_or_default()
        };
        let sid = one(told(1000, 890, &at(1000, 0, (857, 0), 990)));
        assert!(sid.contains("fc00:0:2:1::/128") && sid.contains("counted 850"), "{sid}");
        // The queue behind the SID dropped 100.
        assert_eq!(told(1000, 800, &at(1000, 0, (807, 100), 900)), [""; 0]);
        let errors = one(told(1000, 890, &at(1000, 0, (857, 50), 990)));
        assert!(errors.contains("counted 850 and 50 errors"), "{errors}");
        assert!(one(told(1000, 890, &at(1200, 0, (1107, 0), 990))).contains("eth0"), "another machine sends too");
        assert!(one(told(1000, 890, &at(1000, 0, (907, 0), 960))).contains("eth1"), "arrived and never left");
        let behind = one(told(1000, 500, &at(1100, 0, (1007, 0), 1090)));
        assert!(behind.contains("990 packets left the box's eth1 and 500 arrived"), "{behind}");
        assert!(told(1000, 1000, &Counters::default()).iter().any(|fault| fault.contains("has no counters")));
    }
}
