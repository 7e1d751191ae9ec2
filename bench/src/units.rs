//! Units as types, so that a rate cannot be used as a time. Conversions between them are here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A rate in thousand packets per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Kpps(pub(crate) f64);

/// Time per packet in nanoseconds; infinite if no packet arrives.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(from = "Option<f64>", into = "Option<f64>")]
pub(crate) struct Ns(pub(crate) f64);

/// A ratio; 1 means equal.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ratio(pub(crate) f64);

impl Kpps {
    /// The rate of this many packets in this time; 0 if the time is 0.
    pub(crate) fn of(packets: u64, time: Duration) -> Self {
        if time.is_zero() { Self(0.0) } else { Self(packets as f64 / time.as_secs_f64() / 1e3) }
    }

    /// Time per packet at this rate.
    pub(crate) fn per_packet(self) -> Ns {
        Ns(1e6 / self.0)
    }

    /// Packets per second.
    pub(crate) fn packets_per_second(self) -> f64 {
        self.0 * 1e3
    }
}

/// JSON has no infinity, so an infinite time is `null`.
impl From<Option<f64>> for Ns {
    fn from(time: Option<f64>) -> Self {
        Self(time.unwrap_or(f64::INFINITY))
    }
}

impl From<Ns> for Option<f64> {
    fn from(Ns(time): Ns) -> Self {
        Some(time).filter(|time| time.is_finite())
    }
}

impl Ns {
    /// The rate at which a packet takes this time.
    pub(crate) fn rate(self) -> Kpps {
        Kpps(1e6 / self.0)
    }
}

impl fmt::Display for Kpps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With one digit, the rates of slow boxes can be told apart.
        let digits = if self.0 < 10.0 { 1 } else { 0 };
        f.pad(&format!("{:.digits$}", self.0))
    }
}

impl fmt::Display for Ns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.0}", self.0))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.0))
    }
}

/// Reads packets per second: `1.5M`, `250k`, `1200`.
impl FromStr for Kpps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches("pps");
        let (digits, factor) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 1e3),
            Some((at, 'M')) => (&text[..at], 1e6),
            _ => (text, 1.0),
        };
        match digits.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Self(number * factor / 1e3)),
            _ => Err(format!("{text:?} is not a rate; write packets per second, such as 250k, 1.5M or 1200")),
        }
    }
}

/// A time in the unit that leaves one to three digits before the decimal point.
pub(crate) fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_times_are_each_others_inverse() {
        let rate = Kpps::of(500_000, Duration::from_millis(500));
        assert_eq!(rate, Kpps(1000.0));
        assert_eq!(rate.per_packet(), Ns(1000.0));
        assert_eq!(rate.per_packet().rate(), rate);
        assert_eq!(Kpps::of(1, Duration::ZERO), Kpps(0.0));
    }

    #[test]
    fn rates_are_read_as_people_write_them() {
        assert_eq!("1.5M".parse(), Ok(Kpps(1500.0)));
        assert_eq!("250k".parse(), Ok(Kpps(250.0)));
        assert_eq!("1.2Mpps".parse(), Ok(Kpps(1200.0)));
        assert_eq!("1200".parse(), Ok(Kpps(1.2)));
        for wrong in ["", "fast", "-3", "0", "inf", "k"] {
            assert!(wrong.parse::<Kpps>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_without_end_is_read_as_it_was_written() {
        for time in [Ns(12.5), Kpps(0.0).per_packet()] {
            let text = serde_json::to_string(&time).expect("JSON");
            assert_eq!(serde_json::from_str::<Ns>(&text).expect(&text), time);
        }
    }

    #[test]
    fn times_have_the_unit_that_reads_well() {
        assert_eq!([950.0, 1500.0, 2.5e6, 3e9].map(time), ["950 ns", "1.5 µs", "2.5 ms", "3.0 s"]);
    }
}
