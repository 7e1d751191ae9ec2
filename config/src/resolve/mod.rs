//! Checks a [`Draft`] against its [`Surroundings`] and makes it a [`Config`]. Not here: reading the surroundings.

mod encode;
mod keys;
mod links;
mod lists;
mod program;
mod room;
mod vlans;

use crate::fault::{Fault, Faults, SteeringFault, SurroundingsFault, near};
use crate::kernel::{Feature, Kernel};
use crate::model::{Config, HmacKey};
use crate::place::Span;
use crate::read::{Ask, Draft, KeyDraft};
use crate::surroundings::{Exposure, Hazard, SecretFile, Surroundings};
use crate::ways::Ways;

/// The kernel's SEG6_HMAC_SECRET_LEN (include/uapi/linux/seg6_hmac.h), in bytes.
const MOST_SECRET: usize = 64;

/// A file without faults.
#[derive(Debug)]
pub struct Checked {
    /// Its content.
    pub config: Config,
    /// Its warnings; there are rarely any.
    pub warnings: Faults,
}

/// Whether a file that was not read is a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// It is not: a check without the files.
    Passes,
    /// It is: the Config needs its content.
    Fails,
}

impl Draft {
    /// The Config of the file.
    ///
    /// # Errors
    ///
    /// All faults of the file, by itself and in these surroundings, with its warnings among them. An object or key file that the
    /// surroundings do not have is a fault too: a Config is complete.
    pub fn resolve(mut self, surroundings: &Surroundings) -> Result<Checked, Faults> {
        self.hold(surroundings, Unseen::Fails);
        let has_faults = self.faults.has_faults();
        let warnings = Faults::new(self.source, self.faults);
        if has_faults { Err(warnings) } else { Ok(Checked { config: self.config, warnings }) }
    }

    /// The file's warnings. This checks the file as far as the surroundings go, and makes no Config.
    ///
    /// # Errors
    ///
    /// Those of [`Draft::resolve`], but an object or key file that the surroundings do not have is not a fault.
    pub fn check(mut self, surroundings: &Surroundings) -> Result<Faults, Faults> {
        self.hold(surroundings, Unseen::Passes);
        let has_faults = self.faults.has_faults();
        let faults = Faults::new(self.source, self.faults);
        if has_faults { Err(faults) } else { Ok(faults) }
    }

    fn hold(&mut self, surroundings: &Surroundings, unseen: Unseen) {
        self.exposed(surroundings);
        if let Some(links) = &surroundings.links {
            links::check(&self.asks.links, &self.config, links, &mut self.faults);
        }
        vlans::check(&self.config, &self.asks.vlans, surroundings.links.as_deref(), &mut self.faults);
        if let Some(kernel) = &surroundings.kernel {
            self.kernel(kernel);
        }
        // A file without SRv6 has nothing that they could lose.
        if let Some(ask) = self.asks.features.get(Feature::SEG6_LWTUNNEL.name) {
            let span = ask.first;
            let takes_ipv4_out = self.config.sids.iter().any(|sid| sid.endpoint.behavior.row().takes_ipv4_out());
            let warn = |hazard: &Hazard| {
                let Hazard { what, loses, fix, .. } = hazard.clone();
                Fault::new(span, SurroundingsFault::BesideOthers { what, loses, fix })
            };
            let concerns = |hazard: &&Hazard| takes_ipv4_out || !hazard.ipv4_only;
            self.faults.extend(surroundings.hazards.iter().filter(concerns).map(warn));
        }
        if let (Some(profile), Some(profiles)) = (&self.asks.profile, &surroundings.profiles)
            && !profiles.contains(&profile.value)
        {
            let near = near(&profile.value, profiles.iter().map(String::as_str).chain(["auto", "none"]));
            let fault = SurroundingsFault::NoSuchProfile { name: profile.value.clone(), near };
            self.faults.push(Fault::new(profile.span, fault));
        }
        for key in std::mem::take(&mut self.asks.keys) {
            match secret(&key, surroundings, unseen) {
                Ok(secret) => {
                    let secret = secret.map(|secret| HmacKey { algorithm: key.algorithm, secret });
                    self.config.hmac_keys.extend(secret.map(|secret| (key.id, secret)));
                }
                Err(fault) => self.faults.push(Fault::new(key.file.span, fault)),
            }
        }
        for program in std::mem::take(&mut self.asks.programs) {
            let found = program::resolve(&program, surroundings, unseen, &mut self.faults);
            if let Some(found) = found.filter(|_| !program.uses.is_empty()) {
                self.config.programs.insert(program.name, found);
            }
        }
        self.paths(surroundings);
    }

    /// Checks whole paths, as far as the file and the box show them.
    fn paths(&mut self, surroundings: &Surroundings) {
        let ways = Ways::new(&self.config);
        // An entry with a fault is not in the Config, so a list that names it would get a second one.
        if !self.faults.has_faults() {
            lists::check(&self.config, &self.asks, &ways, &mut self.faults);
        }
        room::check(&self.config, &self.asks, &ways, surroundings.links.as_deref(), &mut self.faults);
    }

    /// Warns of what others can change.
    fn exposed(&mut self, surroundings: &Surroundings) {
        let mut warn = |span, what: String, Exposure { how, fix }: &Exposure| {
            let (how, fix) = (how.clone(), fix.clone());
            self.faults.push(Fault::new(span, SurroundingsFault::Exposed { what, how, fix }));
        };
        if let Some(exposure) = &surroundings.exposed {
            warn(Span::default(), "this file".to_owned(), exposure);
        }
        for object in self.asks.programs.iter().filter_map(|program| program.object.as_ref()) {
            if let Some(exposure) = surroundings.exposed_objects.get(&object.value) {
                warn(object.span, format!("the object `{}`", object.value), exposure);
            }
        }
    }

    fn kernel(&mut self, kernel: &Kernel) {
        if let Some(span) = self.asks.from_in_vrf {
            self.faults.push(Fault::new(span, SteeringFault::FromInVrf));
        }
        if !kernel.has(&Feature::NF_TABLES) {
            for (key, span) in std::mem::take(&mut self.asks.defaults) {
                let left_out = SurroundingsFault::FilterLeftOut { key, option: Feature::NF_TABLES.option };
                self.faults.push(Fault::new(span, left_out));
            }
        }
        let base = Feature::SEG6_LWTUNNEL;
        let no_srv6 = self.asks.features.contains_key(base.name) && !kernel.has(&base);
        for Ask { feature, first, count } in self.asks.features.values() {
            // Without SRv6 at all, the fault of each single behavior would say the same again.
            let same_cause = no_srv6 && feature.option == base.option && *feature != base;
            if kernel.has(feature) || same_cause {
                continue;
            }
            let lacks = SurroundingsFault::KernelLacks {
                major: kernel.version.0,
                minor: kernel.version.1,
                what: feature.name,
                elsewhere: if *count > 1 {
                    format!(", which the file asks for in {count} places")
                } else {
                    String::new()
                },
                since_major: feature.since.0,
                since_minor: feature.since.1,
                option: feature.option,
                without: feature.without,
            };
            self.faults.push(Fault::new(*first, lacks));
        }
    }
}

fn secret(key: &KeyDraft, surroundings: &Surroundings, unseen: Unseen) -> Result<Option<Vec<u8>>, SurroundingsFault> {
    let file = key.file.value.clone();
    match surroundings.secrets.get(&key.file.value) {
        None if unseen == Unseen::Passes => Ok(None),
        None => Err(SurroundingsFault::NotLookedAt { file }),
        Some(Err(why)) => Err(SurroundingsFault::SecretUnreadable { file, why: why.clone() }),
        Some(Ok(found)) if found.mode & 0o077 != 0 => {
            Err(SurroundingsFault::SecretOpen { file, mode: found.mode & 0o777 })
        }
        Some(Ok(SecretFile { exposed: Some(Exposure { how, fix }), .. })) => {
            Err(SurroundingsFault::SecretExposed { file, how: how.clone(), fix: fix.clone() })
        }
        Some(Ok(found)) if !(1..=MOST_SECRET).contains(&found.secret.len()) => {
            Err(SurroundingsFault::SecretLength { file, bytes: found.secret.len() })
        }
        Some(Ok(found)) => Ok(Some(found.secret.clone())),
    }
}
