//! What a router gives away: no port that others could reach, and no secret in the output of a command; and what it says of its kernel's fixes.
//! Needs root.

mod support;

use support::routers::{Keeper, router, router_with, soon};
use support::segbox::{apply, segbox};

const ROUTER: &str = r#"
[interface.eth0]
addresses = ["2001:db8:1::1/64", "192.0.2.1/24"]
srv6 = true
[srv6]
locator = "fc00:0:1::/48"
source = "fc00:0:1::1"
[[srv6.sid]]
sid = "fc00:0:1:1::"
behavior = "End"
[[srv6.policy]]
destination = "2001:db8:40::/64"
behavior = "H.Encaps"
segments = ["2001:db8:1::2"]
"#;

/// Every kind of socket that takes packets from a network, as `/proc/net` lists them, and the column with the state: 07 is "bound", 0A is
/// "listens".
const LISTS: [&str; 9] = ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "packet"];

#[test]
fn a_router_has_no_socket_but_those_for_icmp_errors() {
    let (lab, files) = router();
    apply(&lab["router"], &files.write("segbox.toml", ROUTER));
    let keeper = Keeper::start(&lab["router"]);
    let sockets = |list: &str| {
        let read =
            lab["router"].command("cat").expect("the namespace is there").arg(format!("/proc/net/{list}")).output();
        let text = String::from_utf8_lossy(&read.expect("coreutils").stdout).into_owned();
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    // The keeper is up once it waits for ICMP errors, those of IPv6 at least.
    soon("the keeper listens", || !sockets("raw6").is_empty(), || keeper.said());
    let open: Vec<_> = LISTS.iter().flat_map(|list| sockets(list).into_iter().map(move |row| (*list, row))).collect();
    // The number of a raw socket's protocol stands where others have their port: 1 is ICMP, 3A is ICMPv6.
    let is_for_errors = |row: &str| {
        row.split_whitespace().nth(1).is_some_and(|local| local.ends_with(":003A") || local.ends_with(":0001"))
    };
    let others: Vec<_> = open.iter().filter(|(list, row)| !(list.starts_with("raw") && is_for_errors(row))).collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn no_command_prints_a_secret() {
    const SECRET: &str = "a very secret text";
    // Of the password `segbox`.
    const HASH: &str = "$y$j9T$LdJMENpBABJJ3hIHjB1Bi.$gvpqjYFrcQkPlFBkjxjqXoAp2E5uAEc7SOuWvInByu.";
    let (lab, files) = router_with(&[]);
    let key = files.write("7.key", SECRET);
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
    let file = files.write(
        "segbox.toml",
        format!(
            "[management.console]\npassword-hash = \"{HASH}\"\n[srv6]\nlocator = \"fc00:0:1::/48\"\nsource = \"fc00:0:1::1\"\n\
             [srv6.hmac-key.7]\nalgorithm = \"sha256\"\nsecret-file = \"7.key\"\n\
             [[srv6.policy]]\ndestination = \"2001:db8:40::/64\"\nbehavior = \"H.Encaps\"\nsegments = [\"fc00:0:3:1::\"]\nhmac-key = 7\n"
        ),
    );
    let path = file.display().to_string();
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let numbers = SECRET.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
    let commands: [&[&str]; 12] = [
        &["check", &path],
        &["plan", &path],
        &["plan", &path, "--json"],
        &["apply", &path],
        &["apply", &path],
        &["observe"],
        &["plan", &path, "--json"],
        &["status"],
        &["status", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["clear"],
    ];
    for command in commands {
        let run = segbox(&lab["router"], command);
        let said = run.out + &run.err;
        assert!(!said.is_empty(), "{command:?}");
        for secret in [SECRET, &hex, &numbers, HASH] {
            assert!(!said.contains(secret), "{command:?} prints {secret}:\n{said}");
        }
    }
}

#[test]
fn the_doctor_says_of_each_fix_whether_the_kernel_has_it() {
    let (lab, _files) = router();
    let said = segbox(&lab["router"], ["doctor", "--json"]).out;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&said).expect("JSON");
    let fixes: Vec<_> = rows.iter().filter(|row| row["kind"] == "fix").collect();
    assert_eq!(fixes.len(), segbox_config::fixes::all().len());
    for row in fixes {
        let words = match row["found"].as_bool() {
            Some(true) => "has it: ",
            Some(false) => "lacks it: ",
            None => "cannot tell: ",
        };
        assert!(row["detail"].as_str().is_some_and(|detail| detail.starts_with(words)), "{row}");
        assert!(row["without"].as_str().is_some_and(|without| without.contains("; condition: ")), "{row}");
    }
}
