//! /run without room: a change that needs more than there is changes nothing and leaves nothing, one that has begun can end and be undone, and
//! `clear` needs none.

mod support;

use std::path::Path;

use segbox_lab::Namespace;
use support::files::Files;
use support::segbox::{Run, SEGBOX, run};

/// A router whose /run/segbox is a file system of its own: it lasts as long as the script that a test runs.
struct Box {
    namespace: Namespace,
    files: Files,
}

/// What every script begins with. `fill N` leaves N pages, `fill` none; `kernel` is what the kernel has.
const BEGIN: &str = r#"
set -u
mount -t tmpfs -o size=4m tmpfs /run/segbox || exit 99
fill() {
    rm -f /run/segbox/fill
    dd if=/dev/zero of=/run/segbox/fill bs=4096 2>/dev/null
    [ $# = 0 ] || truncate -s -$(($1 * 4096)) /run/segbox/fill
}
kernel() { "$SEGBOX" observe; }
left_over() { find /run/segbox -name '*.new' | grep . && echo "left over" && exit 98; true; }
say() { "$SEGBOX" "$@" >out 2>err; code=$?; }
expect() { [ "$code" = "$1" ] || { echo "$2: $code"; cat out err; exit 97; }; }
"#;

impl Box {
    fn new(name: &str) -> Self {
        let namespace = Namespace::new(name).expect("these tests make network namespaces: run them as root");
        let files = Files::new();
        files.write("small.toml", router(3));
        files.write("large.toml", router(2000));
        std::fs::create_dir_all("/run/segbox").expect("as root");
        Self { namespace, files }
    }

    fn script(&self, script: &str) -> Run {
        let mut command = self.namespace.command("unshare").expect("there");
        command.args(["--mount", "sh", "-c"]).arg(BEGIN.to_owned() + script).env("SEGBOX", SEGBOX);
        run(command.current_dir(self.files.path()))
    }
}

/// A router with so many policies.
fn router(policies: usize) -> String {
    let head = "[interface.lo]\naddresses = [\"fc00:0:1::1/128\"]\n[srv6]\nsource = \"fc00:0:1::1\"\n\
                [[srv6.sid]]\nsid = \"fc00:0:1:1::\"\nbehavior = \"End.BPF\"\nprogram = \"a\"\n\
                [program.a]\nobject = \"builtin:end_noop\"\n";
    let policy = |number: usize| {
        format!(
            "[[srv6.policy]]\ndestination = \"2001:db8:{number:x}::/64\"\nbehavior = \"H.Encaps\"\n\
             segments = [\"fc00:0:3:{number:x}::\"]\n"
        )
    };
    head.to_owned() + &(1..=policies).map(policy).collect::<String>()
}

#[test]
fn with_any_number_of_pages_left_a_change_is_made_or_not_begun() {
    let router = Box::new("fullrun");
    let told = router.script(
        r#"
made=0 refused=0
for first in none small.toml; do
    for pages in 0 1 2 3 4 5 6 7 8 9 10 12 16 24 40; do
        [ $first = none ] || { say apply $first; expect 0 "apply with room"; }
        kernel >before
        fill $pages
        say apply large.toml --confirm 1h
        case $code in
        0)
            made=$((made + 1))
            left_over
            fill
            say confirm; expect 0 "confirm without room"
            ;;
        1)
            refused=$((refused + 1))
            left_over
            grep -q 'free space' err || { echo "no fix"; cat err; exit 96; }
            fill
            kernel >after
            cmp before after || { echo "changed with $pages pages, $first"; exit 95; }
            ;;
        *) exit 94;;
        esac
        say status
        [ $code = 0 ] || [ $code = 3 ] || { echo "status: $code"; cat out err; exit 93; }
        say clear; expect 0 "clear without room, $pages pages, $first"
        left_over
        rm -f /run/segbox/fill
        [ -z "$(ip -6 route show table all proto 86)" ] || { echo "not cleared"; exit 92; }
    done
done
echo "$made made, $refused refused"
[ $made -gt 4 ] && [ $refused -gt 4 ]
"#,
    );
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
}

#[test]
fn without_a_page_left_a_change_is_undone_in_time() {
    let router = Box::new("fullundo");
    let told = router.script(
        r#"
say apply small.toml; expect 0 "apply with room"
kernel >before
say apply large.toml --confirm 1s; expect 0 "on probation"
fill
tries=0
until kernel >after && cmp -s before after; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "not undone"; exit 95; }
    sleep 0.2
done
tries=0
until say plan small.toml && [ $code = 0 ] && [ ! -e /run/segbox/*/pending.json ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "not settled"; cat out err; exit 94; }
    sleep 0.2
done
say status; expect 3 "policies without a route, and nothing else"
grep -q small.toml out || { cat out; exit 93; }
left_over
say clear; expect 0 "clear without room"
"#,
    );
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
}

#[test]
fn what_lies_in_run_is_a_fraction_of_what_it_says() {
    let router = Box::new("smallrun");
    let file = |name: &str| router.files.path().join(name);
    let told = router.script(
        r#"
say apply large.toml; expect 0 "apply"
sed 's/fc00:0:3:/fc00:0:4:/' large.toml >other.toml
say apply other.toml --confirm 1h; expect 0 "on probation"
kernel >observed
cat /run/segbox/*/*.json | wc -c
say confirm; expect 0 "confirm"
say clear; expect 0 "clear"
"#,
    );
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    let bytes = |path: &Path| std::fs::metadata(path).expect("there").len();
    // The state before, which an undo needs, and the texts of both files.
    let all = bytes(&file("observed")) / 2 + bytes(&file("large.toml")) + bytes(&file("other.toml"));
    let kept: u64 = told.out.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number");
    assert!(kept * 8 < all, "{kept} bytes in /run for {all}");
}
