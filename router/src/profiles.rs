//! The hardware profiles there are, and which of them is this box's. Those of the house are part of the program, so that a box
//! without a disk has them; a file of the same name in one of the folders takes its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use segbox_config::Hardware;
use segbox_config::profile::{self, Profile, best_match};
use segbox_plan::tune::Machine;

/// A person's own win over what came with the image.
const FOLDERS: [&str; 2] = ["/usr/share/segbox/hw-profiles", "/etc/segbox/hw-profiles"];

macro_rules! house {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../hw-profiles/", $name, ".toml")))),+]
    };
}

/// The profiles of the house.
const HOUSE: &[(&str, &str)] = house![
    "generic",
    "vm",
    "x3440-82576",
    "x3440-82599",
    "xeon-d-1500",
    "xeon-d-1700",
    "xeon-d-2100",
    "xeon-e-2000",
    "xeon-e3",
    "xeon-scalable",
];

/// Every profile, or what is wrong with it, by name.
#[derive(Debug)]
pub struct Profiles(BTreeMap<String, Result<Profile, String>>);

/// What is done to this box's hardware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: the file says so, or this is not the box's own network namespace.
    Untouched,
    /// It is tuned by this profile.
    Tuned(String, Box<Profile>),
    /// Nothing, though something is asked for: why.
    Trouble(String),
}

impl Choice {
    /// The profile that tunes the box.
    pub fn profile(&self) -> Option<&Profile> {
        match self {
            Self::Tuned(_, profile) => Some(profile),
            Self::Untouched | Self::Trouble(_) => None,
        }
    }

    /// Why the box is not tuned though the file asks for it.
    pub fn trouble(&self) -> Option<&str> {
        match self {
            Self::Trouble(why) => Some(why),
            Self::Untouched | Self::Tuned(..) => None,
        }
    }
}

impl Profiles {
    /// Reads all of them.
    pub fn read() -> Self {
        Self::with(FOLDERS.iter().flat_map(|folder| files(Path::new(folder))))
    }

    /// Those of the house and these, by name and text: what another box will have.
    pub fn with(own: impl Iterator<Item = (String, String)>) -> Self {
        let house = HOUSE.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self(house.chain(own).map(|(name, text)| (name.clone(), parsed(&name, text))).collect())
    }

    /// What is wrong with one of them; None if it is sound.
    pub fn fault(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_ref().err().map(String::as_str)
    }

    /// Their names.
    pub fn names(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }

    /// The one for this machine.
    pub fn choose(&self, hardware: &Hardware, machine: &Machine) -> Choice {
        let name = match hardware {
            Hardware::None => return Choice::Untouched,
            Hardware::Profile(name) => name.clone(),
            Hardware::Auto => {
                let sound = self.0.iter().filter_map(|(name, one)| Some((name.clone(), one.as_ref().ok()?.clone())));
                match best_match(&sound.collect(), &machine.signature()) {
                    Ok(name) => name.to_owned(),
                    Err(none) => {
                        return Choice::Trouble(format!("hardware is not tuned: {none}; name one in `hardware`"));
                    }
                }
            }
        };
        match self.0.get(&name) {
            Some(Ok(profile)) => Choice::Tuned(name, Box::new(profile.clone())),
            Some(Err(fault)) => Choice::Trouble(format!("hardware is not tuned: profile {name}: {fault}")),
            None => Choice::Trouble(format!(
                "hardware is not tuned: there is no profile {name}; there are {}",
                self.names().into_iter().collect::<Vec<_>>().join(", ")
            )),
        }
    }
}

fn parsed(name: &str, text: String) -> Result<Profile, String> {
    profile::read(text, format!("{name}.toml"))
        .map_err(|faults| faults.iter().map(|fault| faults.line(fault).to_string()).collect::<Vec<_>>().join("; "))
}

/// Whether the house has this very profile.
pub fn is_of_the_house(name: &str, text: &str) -> bool {
    HOUSE.contains(&(name, text))
}

/// The profiles of a folder, by name and text; none where there is no such folder.
pub fn files(folder: &Path) -> impl Iterator<Item = (String, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let path = entry.path();
        let name = path.file_name()?.to_str()?.strip_suffix(".toml")?.to_owned();
        Some((name, fs::read_to_string(path).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_of_the_folder_is_in_the_house_and_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hw-profiles");
        let there: BTreeMap<_, _> = files(&folder).collect();
        let house: BTreeMap<_, _> = HOUSE.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(house.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
        for (name, text) in house {
            parsed(&name, text).unwrap_or_else(|faults| panic!("{faults}"));
        }
    }

    #[test]
    fn what_cannot_be_chosen_is_said_and_nothing_is_touched() {
        let broken = BTreeMap::from([("mine".to_owned(), Err("line 3: a fault".to_owned()))]);
        let profiles = Profiles(broken);
        let machine = Machine::default();
        let choose = |hardware| profiles.choose(&hardware, &machine);
        assert_eq!(choose(Hardware::None), Choice::Untouched);
        for (hardware, word) in [
            (Hardware::Profile("mine".into()), "line 3"),
            (Hardware::Profile("yours".into()), "there is no profile yours"),
            (Hardware::Auto, "no hardware profile fits"),
        ] {
            let Choice::Trouble(why) = choose(hardware) else { panic!("nothing to choose") };
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn any_machine_has_a_profile() {
        let Choice::Tuned(name, _) = Profiles::read().choose(&Hardware::Auto, &Machine::default()) else {
            panic!("the generic one fits")
        };
        assert_eq!(name, "generic");
    }
}
