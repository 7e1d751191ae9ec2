//! What drivers did not take. A driver says what it can only when asked: so it is asked once, and its answer is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rows::as_rows;
use crate::state::Setting;

/// By setting and value: what was answered, `Invalid argument` or `the driver keeps 512`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals(#[serde(with = "as_rows")] BTreeMap<Setting, BTreeMap<String, String>>);

impl Refusals {
    /// Remembers an answer.
    pub fn note(&mut self, setting: Setting, value: String, answer: String) {
        self.0.entry(setting).or_default().insert(value, answer);
    }

    /// What was answered to this value.
    pub fn answer(&self, setting: &Setting, value: &str) -> Option<&str> {
        self.0.get(setting)?.get(value).map(String::as_str)
    }

    /// Forgets an answer that was not the last word.
    pub fn forget(&mut self, setting: &Setting, value: &str) {
        if let Some(values) = self.0.get_mut(setting) {
            values.remove(value);
            if values.is_empty() {
                self.0.remove(setting);
            }
        }
    }
}
