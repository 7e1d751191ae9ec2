//! Checks docs/lab.md: its lab.toml files, its hardware profile of the thesis, and its tester's file can be used as they are.

use super::LabFile;
use crate::traffic::Sizes;
use crate::units::Kpps;

const PAGE: &str = include_str!("../../../../docs/lab.md");

/// The page's TOML blocks without their indentation.
fn blocks() -> Vec<String> {
    let parts = PAGE.split("```toml\n").skip(1);
    let blocks = parts.map(|part| part.split("```").next().expect("it ends"));
    blocks.map(|block| block.lines().map(|line| line.trim_start().to_owned() + "\n").collect()).collect()
}

/// The only block of the page with these words.
fn block(word: &str) -> String {
    let mut found = blocks().into_iter().filter(|block| block.contains(word));
    let one = found.next().unwrap_or_else(|| panic!("no block with {word}"));
    assert!(found.next().is_none(), "{word} twice");
    one
}

#[test]
fn the_pages_files_can_be_used_as_they_stand() {
    let file = block("low = \"10k\"              # the baseline");
    crate::hardware::cases(&LabFile::parse(&file).expect("lab.toml")).expect("every case is there");
    // The keys that are commented out can be used too.
    let all = LabFile::parse(&file.replace("\n# ", "\n")).expect("with all keys");
    assert!(all.tester.socket && all.trial.high.is_some() && all.box_.status.is_some());
    let tester = segbox_config::read(block("hostname = \"tester\""), "segbox.toml");
    tester.resolve(&segbox_config::Surroundings::default()).expect("the tester's file");
}

/// The thesis has one core, 30 µs, no offloads, two segments (as every case's packet), 64 bytes of UDP payload, 3 Mpps and 20
/// runs; and every published case is there.
#[test]
fn the_thesis_can_be_measured_again() {
    let profile = segbox_config::profile::read(block("[nic.ixgbe]"), "thesis.toml").expect("the profile");
    let nic = &profile.nics["ixgbe"];
    assert_eq!(profile.cpu.forwarding.as_deref(), Some(&[1][..]));
    assert_eq!(nic.irq, Some(segbox_config::profile::Irq::Cpus(vec![1])));
    assert_eq!(nic.queues, Some(segbox_config::profile::Queues::Number(1)));
    assert_eq!(nic.coalesce["rx-usecs"], 30);
    assert!(nic.offloads.len() >= 4 && nic.offloads.values().all(|on| !on), "{:?}", nic.offloads);

    let mut cases = Vec::new();
    for name in ["# thesis.toml", "# thesis-nojit.toml"] {
        let file = LabFile::parse(&block(name)).expect(name);
        assert!(matches!(file.traffic.size, Sizes::Payload(64)) && file.traffic.flows == 1, "{name}");
        assert_eq!((file.trial.high, file.trial.runs), (Some(Kpps(3000.0)), 20), "{name}");
        let chosen = crate::hardware::cases(&file).expect("one box can have all of them");
        // The page copies the objects that the box's file names.
        let copied =
            PAGE.lines().filter(|line| line.trim_start().starts_with("scp segbox.toml")).nth(cases.len().min(1));
        for remark in crate::hardware::remarks(&chosen).lines().filter(|line| line.contains(".o in the folder")) {
            let object = remark.split_whitespace().nth(2).expect("its name");
            assert!(copied.is_some_and(|line| line.contains(object)), "{name}: {object}");
        }
        cases.extend(file.cases);
    }
    for one in crate::case::published_results().iter().filter(|one| one.set == "thesis") {
        assert!(cases.contains(&one.case), "{}", one.case);
    }
}
