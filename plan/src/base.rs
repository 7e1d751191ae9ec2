//! What the box was before segbox: the base. It has the settings that segbox changed, each with its first value, under the present
//! names of the interfaces. Not here: which of them go back, and when (`desired`).

use std::collections::BTreeMap;

use segbox_config::model::Matcher;
use segbox_config::{IfName, LinkSeen};

use crate::diff::Plan;
use crate::forwarding::{changed_along, is_forwarding_of_one};
use crate::rename::Renames;
use crate::state::{Actual, Setting};
use crate::step::{Delta, Step};
use crate::sysctl::before_its_module;

/// Settings as they were before segbox first changed them.
pub type Base = BTreeMap<Setting, String>;

impl Plan {
    /// Adds the value of each setting that this plan changes for the first time: `clear` puts it back. `found` is the state before the plan.
    pub fn extend_base(&self, found: &Actual, base: &mut Base) {
        self.rename_base(found, base);
        self.former_names(found, base);
        for step in &self.steps {
            let Step::Setting(Delta { key, before, after: Some(after) }) = step else { continue };
            let Some(before) = before.as_deref().or(before_its_module(key)) else { continue };
            let is_name = matches!(key, Setting::LinkName(_));
            // What is set on a device of segbox's ends with the device. What stays is not changed.
            let is_own = key.goes_with_anchor() || found.state.links.keys().any(|device| key.is_of(*device));
            if is_name || is_own || before == after {
                continue;
            }
            if !base.contains_key(key) {
                extend_along(key, (before, after.as_str()), found, base);
                base.insert(key.clone(), before.to_owned());
            }
        }
    }

    /// What a base knows of interfaces that this plan renames is known under their new names.
    ///
    /// It stays under the old names as well, where no other interface gets them: a change that breaks off before the rename loses nothing.
    pub fn rename_base(&self, found: &Actual, base: &mut Base) {
        let renames = self.renames(found);
        if renames.is_empty() {
            return;
        }
        let mut before = std::mem::take(base);
        // What is known under a name that no interface has is of none that is there.
        before.retain(|setting, _| !renames.reuses(setting, &found.links));
        *base = before.iter().map(|(setting, value)| (renames.of_setting(setting.clone()), value.clone())).collect();
        for (setting, value) in before {
            if renames.frees(&setting) {
                base.entry(setting).or_insert(value);
            }
        }
    }

    /// Adds the present names of the interfaces that this plan renames: their undo. Also of those that have a name which another gets,
    /// and make room for it. What is known of an interface already, by whatever of its hardware, goes before.
    pub fn former_names(&self, found: &Actual, known: &mut Base) {
        let mut add = |link: &LinkSeen, matcher: Matcher| {
            if !found.is_named(link.name, known) {
                known.insert(Setting::LinkName(matcher), link.name.to_string());
            }
        };
        for (matcher, _) in self.steps.iter().filter_map(Step::rename) {
            if let Some(link) = found.link_with(matcher) {
                add(link, matcher.clone());
            }
        }
        for (_, to) in self.steps.iter().filter_map(Step::rename) {
            if let Some(link) = found.links.iter().find(|link| link.name == to)
                && let Some(matcher) = Matcher::of(link, &found.links)
            {
                add(link, matcher);
            }
        }
    }

    fn renames(&self, found: &Actual) -> Renames {
        Renames::of(&found.links, self.steps.iter().filter_map(Step::rename))
    }
}

impl Actual {
    /// Whether these settings have a name for this interface, by whatever of its hardware.
    pub(crate) fn is_named(&self, link: IfName, settings: &Base) -> bool {
        settings.keys().any(|setting| match setting {
            Setting::LinkName(matcher) => self.link_with(matcher).is_some_and(|one| one.name == link),
            _ => false,
        })
    }

    /// Whether an interface can get this name: it is there, and the name is free or of an interface that gets another one of `names`.
    pub(crate) fn can_get_name(&self, setting: &Setting, name: &str, names: &Base) -> bool {
        let Setting::LinkName(matcher) = setting else { return true };
        let Some(link) = self.link_with(matcher) else { return false };
        let bearer = self.links.iter().find(|other| other.name.as_str() == name);
        bearer.is_none_or(|other| other.name == link.name || self.is_named(other.name, names))
    }
}

/// The present names of the interfaces that a change to these settings may rename.
pub fn present_names<'a>(found: &Actual, wanted: impl IntoIterator<Item = (&'a Setting, &'a String)>) -> Base {
    let names = wanted.into_iter().filter(|(setting, _)| matches!(setting, Setting::LinkName(_)));
    let steps = names.map(|(key, name)| {
        Step::Setting(Delta { key: key.clone(), before: found.setting(key), after: Some(name.clone()) })
    });
    let mut names = Base::new();
    Plan { steps: steps.collect() }.former_names(found, &mut names);
    names
}

/// What the kernel changes along with a setting. Of the switch of forwarding each interface is noted: one that is not was made later.
fn extend_along(key: &Setting, (before, after): (&str, &str), found: &Actual, base: &mut Base) {
    let back = changed_along(key, before, &found.state.settings);
    for (along, _) in changed_along(key, after, &found.state.settings) {
        let value = &found.state.settings[&along];
        let is_own = found.state.links.keys().any(|device| along.is_of(*device));
        if !is_own && (is_forwarding_of_one(&along) || back.get(&along) != Some(value)) {
            base.entry(along).or_insert_with(|| value.clone());
        }
    }
}

#[cfg(test)]
#[path = "base_tests.rs"]
mod tests;
