//! One knob of a profile against one machine: what is asked for, and if it is less than wished for, why. Not here: which knobs.

use super::knob::Knob;
use super::machine::Machine;
use super::refused::Refusals;
use crate::state::{Actual, Setting, State};

/// What a profile wishes for a knob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which knob.
    pub setting: Setting,
    /// What the profile wishes, for a person: `4096`, `src dst flow-label`.
    pub wanted: String,
    /// What the machine is asked for; None: nothing, the knob stays as it is.
    pub asked: Option<String>,
    /// Why it is not what was wished, and what is used instead.
    pub note: Option<String>,
}

/// The wishes so far, and the state they go into.
pub(super) struct Wishes<'a> {
    actual: &'a Actual,
    machine: &'a Machine,
    refused: &'a Refusals,
    state: &'a mut State,
    all: Vec<Wish>,
}

impl<'a> Wishes<'a> {
    pub(super) fn new(actual: &'a Actual, machine: &'a Machine, refused: &'a Refusals, state: &'a mut State) -> Self {
        Self { actual, machine, refused, state, all: Vec::new() }
    }

    pub(super) fn done(self) -> Vec<Wish> {
        self.all
    }

    /// What a knob stands at now; None where the machine has none that can be turned.
    pub(super) fn found(&self, knob: &Knob) -> Option<&'a str> {
        self.actual.state.settings.get(&Setting::Tuning(knob.clone())).map(String::as_str)
    }

    /// What a knob will stand at: what it is asked for so far.
    pub(super) fn asked(&self, setting: &Setting) -> Option<&str> {
        self.state.settings.get(setting).map(String::as_str)
    }

    /// A value, and nothing else will do.
    pub(super) fn wish(&mut self, setting: Setting, value: impl Into<String>) {
        let value = value.into();
        self.wish_best(setting, value.clone(), &[value], None);
    }

    /// The first of several values that the driver has not refused. `less` says why even the first is less than wanted.
    pub(super) fn wish_best(&mut self, setting: Setting, wanted: String, values: &[String], less: Option<String>) {
        if !self.actual.state.settings.contains_key(&setting) {
            let note = self.lacking(&setting, values);
            self.all.push(Wish { setting, wanted, asked: None, note });
            return;
        }
        self.ask(setting, wanted, values, less);
    }

    /// The same for a knob that may only be there once other steps are applied: the interrupt of a queue to come.
    pub(super) fn ask(&mut self, setting: Setting, wanted: String, values: &[String], less: Option<String>) {
        let mut note = less;
        let mut asked = None;
        for value in values {
            match self.refused.answer(&setting, value) {
                None => {
                    asked = Some(value.clone());
                    break;
                }
                Some(answer) => note = Some(answer.to_owned()),
            }
        }
        if let Some(value) = &asked {
            self.state.settings.insert(setting.clone(), value.clone());
        }
        self.all.push(Wish { setting, wanted, asked, note });
    }

    /// A knob that the machine lacks, with the reason in words.
    pub(super) fn lack(&mut self, setting: Setting, wanted: impl Into<String>, why: impl Into<String>) {
        self.all.push(Wish { setting, wanted: wanted.into(), asked: None, note: Some(why.into()) });
    }

    fn lacking(&self, setting: &Setting, values: &[String]) -> Option<String> {
        match setting {
            Setting::Tuning(knob) => match self.machine.fixed.get(knob) {
                // As wished, and for good.
                Some(fixed) if values.contains(fixed) => None,
                Some(fixed) => Some(format!("fixed at {} by the driver", shown(fixed))),
                None => Some("the driver has no such knob and goes its own way".to_owned()),
            },
            _ => Some("this kernel has no such setting".to_owned()),
        }
    }
}

/// An empty value is one as well.
fn shown(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}
