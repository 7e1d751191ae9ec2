//! The wish of a profile for one knob of a machine: the value that is asked for, and the reason if it is less. Not here: which knobs.

use super::knob::Knob;
use super::machine::Machine;
use super::refused::Refusals;
use crate::state::{Actual, Setting, State};

/// The wish of a profile for a knob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The knob.
    pub setting: Setting,
    /// The value that the profile wants, as text: `4096`, `src dst flow-label`.
    pub wanted: String,
    /// The value that the machine is asked for; None where the knob stays as it is.
    pub asked: Option<String>,
    /// Why that is not the wanted value, and what is used instead.
    pub note: Option<String>,
}

/// The wishes so far, and the state that they are added to.
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

    /// The present value of a knob; None where the machine has no such knob that can be turned.
    pub(super) fn found(&self, knob: &Knob) -> Option<&'a str> {
        self.actual.state.settings.get(&Setting::Tuning(knob.clone())).map(String::as_str)
    }

    /// The value that a setting is asked for so far.
    pub(super) fn asked(&self, setting: &Setting) -> Option<&str> {
        self.state.settings.get(setting).map(String::as_str)
    }

    /// Asks for a value, without an alternative.
    pub(super) fn wish(&mut self, setting: Setting, value: impl Into<String>) {
        let value = value.into();
        self.wish_best(setting, value.clone(), &[value], None);
    }

    /// Asks for the first of several values that the driver has not refused. `less` says why even the first is less than wanted.
    pub(super) fn wish_best(&mut self, setting: Setting, wanted: String, values: &[String], less: Option<String>) {
        if !self.actual.state.settings.contains_key(&setting) {
            let note = self.lacking(&setting, values);
            self.all.push(Wish { setting, wanted, asked: None, note });
            return;
        }
        self.ask(setting, wanted, values, less);
    }

    /// The same for a knob that may appear only after other steps, as the interrupt of a new queue does.
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

    /// Notes a wish for a knob that the machine lacks, with the reason.
    pub(super) fn lack(&mut self, setting: Setting, wanted: impl Into<String>, why: impl Into<String>) {
        self.all.push(Wish { setting, wanted: wanted.into(), asked: None, note: Some(why.into()) });
    }

    fn lacking(&self, setting: &Setting, values: &[String]) -> Option<String> {
        match setting {
            Setting::Tuning(knob) => match self.machine.fixed.get(knob) {
                // It has the wanted value, and always will.
                Some(fixed) if values.contains(fixed) => None,
                Some(fixed) => Some(format!("fixed at {} by the driver", shown(fixed))),
                None => Some("the driver has no such knob".to_owned()),
            },
            _ => Some("this kernel has no such setting".to_owned()),
        }
    }
}

/// The text of a value, also of an empty one.
fn shown(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}
