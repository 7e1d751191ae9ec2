//! Debian packages, unpacked over a view of this system that only the programs of a test see.

use std::path::PathBuf;
use std::process::Command;

use segbox_lab::Namespace;

use crate::support::files::Files;
use crate::support::segbox::{Run, run};

pub(crate) struct Packages(Files);

/// Joins the unpacked files and the system in a mount namespace, and runs a script in it. /bin, /sbin and /lib of Debian are links into /usr.
const ENTER: &str = r#"
set -e
place=/mnt
mount -t tmpfs none $place
mkdir $place/packages $place/upper $place/work $place/root
cp -a "$1/root/." $place/packages
for part in bin sbin lib; do
    [ -d $place/packages/$part ] || continue
    mkdir -p $place/packages/usr/$part
    cp -a $place/packages/$part/. $place/packages/usr/$part
    rm -r $place/packages/$part
done
mount -t overlay none -o lowerdir=$place/packages:/,upperdir=$place/upper,workdir=$place/work $place/root
for part in dev proc sys; do mount --rbind /$part $place/root/$part; done
mount -t tmpfs none $place/root/run
mkdir -p $place/root/run/lock $place/root/run/dbus
exec chroot $place/root sh -c "$2"
"#;

impl Packages {
    /// Downloads and unpacks packages, with what they need and this system does not have.
    pub(crate) fn new(names: &[&str]) -> Self {
        let files = Files::new();
        let archives = files.path().join("archives");
        std::fs::create_dir_all(archives.join("partial")).expect("the folder takes folders");
        let mut get = Command::new("apt-get");
        get.args(["-qq", "-y", "--download-only", "--no-install-recommends", "--reinstall"]);
        get.arg("-o").arg(format!("Dir::Cache::archives={}", archives.display()));
        // No other process has a lock on this folder's packages.
        get.args(["-o", "APT::Sandbox::User=root", "-o", "DPkg::Lock::Timeout=600"]);
        let got = run(get.arg("install").args(names));
        assert_eq!(got.code, Some(0), "Debian's mirror and root are needed: {}{}", got.out, got.err);
        let found = std::fs::read_dir(&archives).expect("it was made").flatten().map(|entry| entry.path());
        let packages: Vec<PathBuf> = found.filter(|path| path.extension().is_some_and(|end| end == "deb")).collect();
        assert!(!packages.is_empty(), "{}{}", got.out, got.err);
        for package in packages {
            let unpacked = run(Command::new("dpkg-deb").arg("-x").arg(package).arg(files.path().join("root")));
            assert_eq!(unpacked.code, Some(0), "{}", unpacked.err);
        }
        Self(files)
    }

    /// Runs a script of sh in a network namespace. What it writes is gone when it ends; what it sets in the kernel stays.
    pub(crate) fn run(&self, namespace: &Namespace, script: &str) -> Run {
        let mut command = namespace.exec("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter"]);
        run(command.arg(self.0.path()).arg(script))
    }
}
