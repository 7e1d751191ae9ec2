//! The hardware profiles, and the choice of one for this box. The built-in profiles are part of the program, so a box without a
//! disk has them. A file of the same name in one of the folders replaces a built-in profile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use segbox_config::model::Hardware;
use segbox_config::profile::{self, Profile, best_match};
use segbox_linux::file::{self, Exposed};
use segbox_plan::tune::Machine;

/// A profile of the user replaces one of the image.
const FOLDERS: [&str; 2] = ["/usr/share/segbox/hw-profiles", "/etc/segbox/hw-profiles"];

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../hw-profiles/", $name, ".toml")))),+]
    };
}

/// The built-in profiles.
const BUILT_IN: &[(&str, &str)] = built_in![
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

/// No profile is longer.
const LONGEST: u64 = 1 << 20;

/// Every profile by name, or its fault.
#[derive(Debug)]
pub struct Profiles {
    by_name: BTreeMap<String, Result<Profile, String>>,
    /// How others than root could change the profile.
    exposed: BTreeMap<String, String>,
}

/// How this box's hardware is tuned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Not at all: the file says so, or this is not the network namespace of the box.
    Untouched,
    /// By this profile.
    Tuned(String, Box<Profile>),
    /// Not at all although the file asks for it, and why.
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

    /// Why the box is not tuned although the file asks for it.
    pub fn trouble(&self) -> Option<&str> {
        match self {
            Self::Trouble(why) => Some(why),
            Self::Untouched | Self::Tuned(..) => None,
        }
    }
}

impl Profiles {
    /// Reads all profiles.
    pub fn read() -> Self {
        let found = FOLDERS.iter().flat_map(|folder| entries(Path::new(folder)));
        let mut profiles = Self::with(std::iter::empty());
        for Found { name, text, exposed } in found {
            profiles.exposed.remove(&name);
            profiles.exposed.extend(exposed.map(|how| (name.clone(), how)));
            let read = text.and_then(|text| parse(&name, text));
            profiles.by_name.insert(name, read);
        }
        profiles
    }

    /// How others than root could change this profile; None if they could not.
    pub fn exposed(&self, name: &str) -> Option<&str> {
        self.exposed.get(name).map(String::as_str)
    }

    /// The built-in profiles and these (name and text): the profiles of another box.
    pub fn with(own: impl Iterator<Item = (String, String)>) -> Self {
        let built_in = BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let by_name = built_in.chain(own).map(|(name, text)| (name.clone(), parse(&name, text))).collect();
        Self { by_name, exposed: BTreeMap::new() }
    }

    /// The fault of a profile; None if it has none.
    pub fn fault(&self, name: &str) -> Option<&str> {
        self.by_name.get(name)?.as_ref().err().map(String::as_str)
    }

    /// The names of all profiles.
    pub fn names(&self) -> BTreeSet<String> {
        self.by_name.keys().cloned().collect()
    }

    /// Chooses the profile for this machine.
    pub fn choose(&self, hardware: &Hardware, machine: &Machine) -> Choice {
        let name = match hardware {
            Hardware::None => return Choice::Untouched,
            Hardware::Profile(name) => name.clone(),
            Hardware::Auto => {
                let sound =
                    self.by_name.iter().filter_map(|(name, one)| Some((name.clone(), one.as_ref().ok()?.clone())));
                match best_match(&sound.collect(), &machine.signature()) {
                    Ok(name) => name.to_owned(),
                    Err(none) => {
                        return Choice::Trouble(format!(
                            "the hardware is not tuned: {none}; name a profile in `hardware`"
                        ));
                    }
                }
            }
        };
        match self.by_name.get(&name) {
            Some(Ok(profile)) => Choice::Tuned(name, Box::new(profile.clone())),
            Some(Err(fault)) => Choice::Trouble(format!("the hardware is not tuned: profile {name}: {fault}")),
            None => Choice::Trouble(format!(
                "the hardware is not tuned: there is no profile {name}; the profiles are {}",
                self.names().into_iter().collect::<Vec<_>>().join(", ")
            )),
        }
    }
}

fn parse(name: &str, text: String) -> Result<Profile, String> {
    profile::read(text, format!("{name}.toml"))
        .map_err(|faults| faults.iter().map(|fault| faults.line(fault).to_string()).collect::<Vec<_>>().join("; "))
}

/// Whether a built-in profile has this name and text.
pub fn is_built_in(name: &str, text: &str) -> bool {
    BUILT_IN.contains(&(name, text))
}

/// The profiles in a folder (name and text); none if the folder does not exist.
pub fn files(folder: &Path) -> impl Iterator<Item = (String, String)> {
    entries(folder).filter_map(|found| Some((found.name, found.text.ok()?)))
}

/// A profile's file.
struct Found {
    name: String,
    /// Its text, or why it was not read.
    text: Result<String, String>,
    exposed: Option<String>,
}

fn entries(folder: &Path) -> impl Iterator<Item = Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let path = entry.path();
        let name = path.file_name()?.to_str()?.strip_suffix(".toml")?.to_owned();
        Some(match file::read(&path, LONGEST) {
            Ok(content) => {
                let how =
                    |by: Exposed| format!("others than root can change the profile {name}: {by} (fix: {})", by.fix());
                let text =
                    String::from_utf8(content.bytes).map_err(|_| format!("{} is not UTF-8 text", path.display()));
                let exposed = content.exposed.map(how);
                Found { name, text, exposed }
            }
            Err(error) => Found { name, text: Err(format!("{}: {error}", path.display())), exposed: None },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_of_the_folder_is_built_in_and_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hw-profiles");
        let there: BTreeMap<_, _> = files(&folder).collect();
        let built_in: BTreeMap<_, _> =
            BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(built_in.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
        for (name, text) in built_in {
            parse(&name, text).unwrap_or_else(|faults| panic!("{faults}"));
        }
    }

    #[test]
    fn a_missing_profile_is_reported_and_nothing_is_tuned() {
        let broken = BTreeMap::from([("mine".to_owned(), Err("line 3: a fault".to_owned()))]);
        let profiles = Profiles { by_name: broken, exposed: BTreeMap::new() };
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
    fn a_profile_that_others_can_change_or_that_is_no_file_is_told_of() {
        use std::os::unix::fs::{PermissionsExt, chown};
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        for name in ["ours.toml", "theirs.toml", "open.toml", "long.toml", "binary.toml", "else.txt"] {
            fs::write(at(name), "description = \"x\"\n").expect("ours");
        }
        fs::create_dir(at("folder.toml")).expect("ours");
        fs::write(at("binary.toml"), [0xff]).expect("ours");
        fs::File::options().write(true).open(at("long.toml")).and_then(|file| file.set_len(1 << 40)).expect("ours");
        chown(at("theirs.toml"), Some(1234), None).expect("as root");
        fs::set_permissions(at("open.toml"), fs::Permissions::from_mode(0o666)).expect("ours");
        let found: BTreeMap<_, _> = entries(place.path()).map(|one| (one.name.clone(), one)).collect();
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["binary", "folder", "long", "open", "ours", "theirs"]);
        for (name, exposed, fault) in [
            ("ours", None, None),
            ("theirs", Some("belongs to user 1234"), None),
            ("open", Some("mode 0666"), None),
            ("long", None, Some("at most 1 MiB")),
            ("binary", None, Some("not UTF-8")),
            ("folder", None, Some("a folder")),
        ] {
            let Found { text, exposed: how, .. } = &found[name];
            let has = |found: Option<&String>, told: Option<&str>| match (found, told) {
                (Some(found), Some(told)) => found.contains(told),
                (found, told) => found.is_none() && told.is_none(),
            };
            assert!(has(how.as_ref(), exposed) && has(text.as_ref().err(), fault), "{name}: {text:?} {how:?}");
        }
    }

    #[test]
    fn every_machine_has_a_profile() {
        let Choice::Tuned(name, _) = Profiles::read().choose(&Hardware::Auto, &Machine::default()) else {
            panic!("the generic one fits")
        };
        assert_eq!(name, "generic");
    }
}
