//! A host: a shell in the tree of daemons, in a router's network namespace, with /run, /etc and /tmp of its own. What it starts ends
//! with it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use segbox_lab::Namespace;

use crate::support::files::Files;
use crate::support::segbox::SEGBOX;

/// What `segbox doctor` says of another program.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// The program, and where.
    pub(crate) what: String,
    /// What is lost, and the fix.
    pub(crate) fix: String,
}

pub(crate) struct Host {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _place: Files,
}

/// Mounts the tree with a layer above it, and enters. /run/segbox is the machine's: there is the record of the last apply.
const ENTER: &str = r#"set -e
mount -t tmpfs tmpfs "$PLACE"
mkdir "$PLACE/upper" "$PLACE/work" "$PLACE/root"
root="$PLACE/root"
mount -t overlay overlay -o "lowerdir=$TREE,upperdir=$PLACE/upper,workdir=$PLACE/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root/tmp" "$root/run/segbox" "$root/run/dbus" "$root/run/udev/data"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind /run/segbox "$root/run/segbox"
touch "$root/usr/bin/segbox"
mount --bind "$SEGBOX" "$root/usr/bin/segbox"
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
rm -f "$root"/usr/lib/systemd/network/* "$root"/etc/systemd/network/*
exec chroot "$root" sh
"#;

/// What udev would have said of the interfaces.
const UDEV: &str =
    "for i in /sys/class/net/*/ifindex; do echo I:1 > /run/udev/data/n$(cat $i); done; touch /run/udev/control";
/// The message bus.
const BUS: &str = "dbus-daemon --system --fork --nopidfile";

/// The end of a command's output.
const MARK: &str = "-- end";

impl Host {
    pub(crate) fn new(router: &Namespace) -> Self {
        let mut host = Self::in_tree(router, &tree());
        host.sh(UDEV);
        host.sh(BUS);
        host
    }

    /// In a view of this system instead of the tree. It may have no message bus, so what is told its daemons by one is not.
    pub(crate) fn of_this_system(router: &Namespace) -> Self {
        let mut host = Self::in_tree(router, Path::new("/"));
        host.sh(UDEV);
        host.sh("ln -sf true /usr/bin/networkctl");
        host
    }

    fn in_tree(router: &Namespace, tree: &Path) -> Self {
        let place = Files::new();
        let mut command = router.exec("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER]);
        command.env("PLACE", place.path()).env("TREE", tree).env("SEGBOX", SEGBOX);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("util-linux");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, input, output, _place: place }
    }

    /// Runs a command, which has to succeed; returns what it says.
    pub(crate) fn sh(&mut self, command: &str) -> String {
        let (code, said) = self.try_sh(command);
        assert_eq!(code, 0, "{command}:\n{said}");
        said
    }

    /// Its exit code, and what it says on both outputs.
    pub(crate) fn try_sh(&mut self, command: &str) -> (i32, String) {
        writeln!(self.input, "( {command}\n) 2>&1 </dev/null; code=$?; echo; echo \"{MARK} $code\"")
            .expect("the shell reads");
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).expect("the shell writes text");
            assert_ne!(length, 0, "the shell ended in {command}:\n{said}");
            match line.trim_end().strip_prefix(MARK) {
                Some(code) => return (code.trim().parse().expect("a number"), said),
                None => said += &line,
            }
        }
    }

    /// Starts a daemon, and waits until a command says that it is ready.
    pub(crate) fn start(&mut self, daemon: &str, ready: &str) {
        // The shell goes on before the daemon's log is empty: words of an earlier daemon would make this one ready.
        self.sh(&format!("rm -f /tmp/daemon.log; {daemon} >/tmp/daemon.log 2>&1 &"));
        self.until(ready);
    }

    /// Waits until a command succeeds.
    pub(crate) fn until(&mut self, command: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let (code, said) = self.try_sh(command);
            if code == 0 {
                return;
            }
            let log = self.try_sh("tail -20 /tmp/daemon.log").1;
            assert!(Instant::now() < end, "`{command}` does not come true:\n{said}{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What doctor says of other programs that lose SRv6. With one its exit code is 3.
    pub(crate) fn doctor(&mut self) -> Vec<Finding> {
        let (code, said) = self.try_sh("segbox doctor --json");
        let rows: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"));
        let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let finding = |row: &serde_json::Value| {
            let is_found = row["name"] == "other programs" && row["found"] == false;
            is_found.then(|| Finding { what: text(row, "detail"), fix: text(row, "without") })
        };
        let findings: Vec<_> = rows.as_array().expect("a list").iter().filter_map(finding).collect();
        assert!(findings.is_empty() || code == 3, "{said}");
        findings
    }

    /// Runs the commands of a fix: those between backquotes, without those of an alternative.
    pub(crate) fn follow(&mut self, finding: &Finding) {
        self.run_all(finding, 0);
    }

    /// Runs the commands of a fix's alternative.
    pub(crate) fn follow_alternative(&mut self, finding: &Finding) {
        self.run_all(finding, 1);
    }

    fn run_all(&mut self, finding: &Finding, alternative: usize) {
        let fix = finding.fix.split("fix: ").nth(1).unwrap_or_default();
        let part = fix.split(", or ").nth(alternative).unwrap_or_default();
        let commands: Vec<&str> = part.split('`').skip(1).step_by(2).collect();
        assert!(!commands.is_empty(), "{finding:?}");
        // segbox runs outside of the tree.
        for command in commands.into_iter().filter(|command| *command != "segbox apply") {
            self.sh(command);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // With the first process of its namespace all others end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The tree that `cargo xtask daemons` made.
fn tree() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let path = target.join("daemons");
    path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask daemons` first", path.display()))
}
