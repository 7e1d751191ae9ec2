//! Programs at ports: they follow their port, and end with it or with the program.

use std::process::Command;

use segbox_config::IfName;
use segbox_config::model::XdpMode;
use segbox_linux::bpf::Programs;
use segbox_linux::bpf::error::PinError;
use segbox_linux::bpf::{builtin, read_object};
use segbox_plan::state::{Attachment, XdpAt};

use crate::house::{in_a_namespace, program};

const NAME: &str = "segbox:hop-limit@1a2b3c4d";

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn at(interface: &str) -> Attachment {
    Attachment { program: NAME.to_owned(), interface: interface.parse::<IfName>().expect("a name") }
}

fn ports(programs: &Programs) -> Vec<Attachment> {
    programs.attachments().expect("readable").into_keys().collect()
}

#[test]
fn a_program_follows_its_port_and_ends_with_it() {
    in_a_namespace(|programs| {
        ip("link add eth0 type veth peer name eth1");
        let object = read_object(builtin("builtin:tc_hop_limit").expect("it is built in").object).expect("an object");
        assert!(matches!(programs.attach(&at("eth0")), Err(PinError::NoProgram(_))));
        programs.put(NAME, &program(&object, "tc_hop_limit")).expect("loaded");
        programs.attach(&at("eth0")).expect("attached");
        programs.attach(&at("eth1")).expect("attached");
        assert_eq!(ports(programs), [at("eth0"), at("eth1")]);
        assert!(matches!(programs.attach(&at("eth7")), Err(PinError::Attach { .. })));

        // Under another name it is the same port.
        ip("link set eth0 name wan");
        assert_eq!(ports(programs), [at("eth1"), at("wan")]);
        programs.detach(&at("eth1")).expect("detached");
        programs.detach(&at("eth1")).expect("nothing to detach");
        assert_eq!(ports(programs), [at("wan")]);

        // A port of the same name is another one.
        ip("link del wan");
        assert_eq!(ports(programs), []);
        ip("link add wan type veth peer name eth1");
        assert_eq!(ports(programs), []);
        programs.attach(&at("wan")).expect("attached");
        programs.remove(NAME).expect("removed, with its ports");
        assert_eq!(ports(programs), []);
    });
}

#[test]
fn an_xdp_program_takes_the_place_of_another_of_segboxs() {
    in_a_namespace(|programs| {
        ip("link add eth0 type veth peer name eth1");
        let object = read_object(builtin("builtin:xdp_fast_path").expect("it is built in").object).expect("an object");
        let [old, new] = ["fast-path@1", "fast-path@2"];
        for name in [old, new] {
            programs.put(name, &program(&object, "xdp_fast_path")).expect("loaded");
        }
        let port: IfName = "eth0".parse().expect("a name");
        let at = |program: &str, mode| XdpAt { program: program.to_owned(), mode };
        let found = |programs: &Programs| programs.xdp().expect("readable");
        programs.put_xdp(port, &at(old, XdpMode::Native)).expect("attached");
        assert_eq!(found(programs), [(port, at(old, XdpMode::Native))].into());
        // Another link at the port would be refused: the new one comes into the old one's place.
        programs.put_xdp(port, &at(new, XdpMode::Native)).expect("attached");
        assert_eq!(found(programs), [(port, at(new, XdpMode::Native))].into());
        assert_eq!(programs.ports_of(new).expect("readable").len(), 1);
        assert!(programs.ports_of(old).expect("readable").is_empty());
        // In the other mode it is another link.
        programs.put_xdp(port, &at(old, XdpMode::Generic)).expect("attached");
        assert_eq!(found(programs), [(port, at(old, XdpMode::Generic))].into());
        programs.remove_xdp(port).expect("removed");
        programs.remove_xdp(port).expect("nothing to remove");
        assert!(found(programs).is_empty());
        programs.put_xdp(port, &at(new, XdpMode::Native)).expect("attached");
        programs.remove(new).expect("removed, with its ports");
        assert!(found(programs).is_empty());
    });
}
