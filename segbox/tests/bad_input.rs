//! Wrong input: every fault is reported at once, with its place and its fix, and the kernel stays unchanged.

mod support;

use std::os::unix::process::CommandExt;
use std::process::Command;

use segbox_lab::Namespace;
use support::clang::compile;
use support::files::Files;
use support::segbox::{Run, SEGBOX, run, segbox};

fn namespace() -> Namespace {
    Namespace::new("bad").expect("these tests make network namespaces: run them as root")
}

fn on(namespace: &Namespace, command: &str, files: &Files, text: &str) -> Run {
    let file = files.write("segbox.toml", text);
    segbox(namespace, [command.as_ref(), file.as_os_str()])
}

fn observed(namespace: &Namespace) -> String {
    segbox(namespace, ["observe"]).out
}

/// Every line of this file has a different fault.
const WRONG: &str = r#"[system]
hostnam = "r2"
[interface.eth7]
addresses = ["2001:db8:1::300000/64"]
mtu = "big"
[srv6]
locator = "fc00:0:1::/48"
[srv6.hmac-key.7]
algorithm = "sha256"
secret-file = "open.key"
[[srv6.sid]]
sid = "fc00:0:2:1::"
behavior = "End"
flavors = ["USP"]
[[srv6.sid]]
sid = "fc00:0:1:100::"
behavior = "End.BPF"
program = "stamp"
[[srv6.sid]]
sid = "fc00:0:1:100::"
behavior = "End.T"
table = 100
[program.stamp]
object = "missing.o"
[program.other]
object = "builtin:end_add_tlv"
[program.other.globals]
tlv_type = 300
[[srv6.policy]]
destination = "10.0.0.0/8"
behavior = "H.Insert"
segments = ["fc00:0:2:1::", "fc00:0:3:1::"]
[[srv6.policy]]
destination = "2001:db8:1::/64"
behavior = "H.Encaps"
segments = ["fc00:0:2:1::"]
[[srv6.policy]]
destination = "2001:db8:1::/64"
behavior = "H.Encaps"
segments = ["fc00:0:2:2::"]
"#;

/// Line number, and text of the fault.
const TOLD: [(usize, &str); 11] = [
    (2, "hostname"),
    (3, "eth7"),
    (4, "2001:db8:1::300000/64"),
    (5, "mtu"),
    (10, "chmod 600"),
    (12, "outside the locator"),
    (14, "USP"),
    (20, "appears twice"),
    (24, "missing.o"),
    (28, "from 0 to 255"),
    (30, "IPv4"),
];

#[test]
fn everything_at_once_with_its_place_and_the_kernel_untouched() {
    let (namespace, files) = (namespace(), Files::new());
    files.write("open.key", "secret");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(files.path().join("open.key"), open).expect("the file is ours");
    let before = observed(&namespace);
    for command in ["check", "plan", "apply"] {
        let told = on(&namespace, command, &files, WRONG);
        assert_eq!(told.code, Some(1), "{command}: {}", told.err);
        assert!(told.out.is_empty(), "faults go to standard error, not: {}", told.out);
        for (line, words) in TOLD {
            assert!(
                told.err.contains(&format!("segbox.toml:{line}:")),
                "{command}: nothing of line {line} in\n{}",
                told.err
            );
            assert!(told.err.contains(words), "{command}: {words:?} is not in\n{}", told.err);
        }
        assert!(told.err.contains("segbox.toml:38:"), "{command}: the second policy for one prefix in\n{}", told.err);
    }
    assert_eq!(observed(&namespace), before);
}

#[test]
fn a_file_of_prose_is_told_in_twenty_faults_and_a_count() {
    let (namespace, files) = (namespace(), Files::new());
    let prose = "This is a letter, not a router.\n".repeat(60);
    for command in ["check", "plan", "apply"] {
        let told = on(&namespace, command, &files, &prose);
        assert_eq!(told.code, Some(1), "{command}: {}", told.err);
        assert_eq!(told.err.matches("segbox.toml:").count(), 20, "{command}: {}", told.err);
        let words: Vec<_> = told.err.split_whitespace().collect();
        assert!(
            words.join(" ").contains("60 faults") && words.join(" ").contains("... and 40 more; `segbox check --all")
        );
    }
    let file = files.write("segbox.toml", &prose);
    let told = segbox(&namespace, ["check".as_ref(), "--all".as_ref(), file.as_os_str()]);
    assert_eq!(told.code, Some(1), "{}", told.err);
    assert_eq!(told.err.matches("segbox.toml:").count(), 60, "one per line: {}", told.err);
    assert!(!told.err.contains("more;"), "{}", told.err);
}

#[test]
fn the_verifiers_words_are_shown_and_nothing_of_the_file_is_applied() {
    let (namespace, files) = (namespace(), Files::new());
    let source = r#"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("lwt_seg6local/reads_too_far")
int reads_too_far(struct __sk_buff *skb)
{
    char *data = (char *)(long)skb->data;
    return data[1500] ? BPF_OK : BPF_DROP; /* no bounds check */
}
char _license[] SEC("license") = "GPL";
"#;
    compile(&files, source, "bad.o");
    let before = observed(&namespace);
    let text = "[[srv6.sid]]\nsid = \"fc00::1\"\nbehavior = \"End.BPF\"\nprogram = \"bad\"\n\
                [[srv6.sid]]\nsid = \"fc00::2\"\nbehavior = \"End\"\n[program.bad]\nobject = \"bad.o\"\n";
    assert_eq!(on(&namespace, "check", &files, text).code, Some(0), "the file itself is right");
    let refused = on(&namespace, "apply", &files, text);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    for words in ["invalid access to packet", "return data[1500]", "nothing was applied"] {
        assert!(refused.err.contains(words), "{words:?} is not in\n{}", refused.err);
    }
    assert_eq!(observed(&namespace), before);
}

#[test]
fn files_that_cannot_be_read() {
    let (namespace, files) = (namespace(), Files::new());
    for command in ["check", "plan", "apply"] {
        let missing = segbox(&namespace, [command, "/nonexistent/segbox.toml"]);
        assert_eq!(missing.code, Some(1));
        assert!(missing.err.contains("/nonexistent/segbox.toml"), "{}", missing.err);
        let folder = segbox(&namespace, [command.as_ref(), files.path().as_os_str()]);
        assert_eq!(folder.code, Some(1), "{}", folder.err);
        let binary = files.write("binary.toml", [b'a', b' ', 0xff, 0xfe]);
        let binary = segbox(&namespace, [command.as_ref(), binary.as_os_str()]);
        assert_eq!(binary.code, Some(1));
        assert!(binary.err.contains("UTF-8"), "{}", binary.err);
        let cut = on(&namespace, command, &files, "[interface.eth0\naddresses = [");
        assert_eq!(cut.code, Some(1));
        assert!(cut.err.contains("segbox.toml:1:"), "{}", cut.err);
    }
    let dump = files.write("dump.json", "{\"state\": 7}");
    let file = files.write("segbox.toml", "");
    let dump = segbox(&namespace, ["plan".as_ref(), file.as_os_str(), "--actual".as_ref(), dump.as_os_str()]);
    assert_eq!(dump.code, Some(1));
    assert!(dump.err.contains("segbox observe"), "{}", dump.err);
}

#[test]
fn without_root_apply_says_so_at_once_and_check_works() {
    let files = Files::new();
    std::fs::set_permissions(files.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let file = files.write("segbox.toml", "[interface.lo]\n");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("ours");
    // Only root may be able to reach the binary.
    let binary = files.path().join("segbox");
    support::segbox::copy(&binary);
    let as_unprivileged = |words: &[&str]| {
        let mut command = Command::new(&binary);
        run(command.args(words).arg(&file).uid(65534).gid(65534))
    };
    for command in ["apply", "plan"] {
        let told = as_unprivileged(&[command]);
        assert_eq!(told.code, Some(1), "{}", told.out);
        assert!(told.err.contains("needs root") && told.err.contains("sudo"), "{}", told.err);
    }
    let check = as_unprivileged(&["check"]);
    assert_eq!(check.code, Some(0), "{}", check.err);
    let doctor = run(Command::new(&binary).arg("doctor").uid(65534).gid(65534));
    assert!(matches!(doctor.code, Some(0 | 3)), "{}", doctor.err);
}

#[test]
fn wrong_words_on_the_command_line_exit_with_1_since_2_means_steps() {
    for words in [&["frobnicate"][..], &["apply", "--confirm", "soon"], &["plan", "--what"], &[]] {
        let told = run(Command::new(SEGBOX).args(words));
        assert_eq!(told.code, Some(1), "{words:?}: {}", told.err);
        assert!(!told.err.is_empty(), "{words:?}");
    }
    assert_eq!(run(Command::new(SEGBOX).arg("--help")).code, Some(0));
}
