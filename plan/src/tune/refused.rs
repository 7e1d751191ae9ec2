//! Values that drivers refused. A driver tells what it supports only when it is asked, so it is asked once, and its answer is kept. Not here:
//! where the answers are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rows::as_rows;
use crate::state::Setting;

/// The answer to each refused value of a setting: `Invalid argument`, `the driver keeps 512`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals(#[serde(with = "as_rows")] BTreeMap<Setting, BTreeMap<String, String>>);

impl Refusals {
    /// Remembers an answer.
    pub fn note(&mut self, setting: Setting, value: String, answer: String) {
        self.0.entry(setting).or_default().insert(value, answer);
    }

    /// The answer to this value.
    pub fn answer(&self, setting: &Setting, value: &str) -> Option<&str> {
        self.0.get(setting)?.get(value).map(String::as_str)
    }

    /// Forgets an answer: the next plan asks again.
    pub fn forget(&mut self, setting: &Setting, value: &str) {
        if let Some(values) = self.0.get_mut(setting) {
            values.remove(value);
            if values.is_empty() {
                self.0.remove(setting);
            }
        }
    }
}
