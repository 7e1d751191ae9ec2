//! The published results that ours are compared with. Only ratios can be compared across hardware.

use serde::Deserialize;

/// The file of published results.
const PUBLISHED_TEXT: &str = include_str!("../../data/published-numbers.toml");

/// A published result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PublishedResult {
    /// The case.
    pub(crate) case: String,
    /// Id of the publication in the file.
    pub(crate) set: String,
    /// Title of the publication.
    pub(crate) title: String,
    /// Rate in thousand packets per second, given or computed from the publication's baseline.
    pub(crate) kpps: Option<f64>,
    /// Ratio to plain IPv6 forwarding in the same publication.
    pub(crate) to_plain: Option<f64>,
    /// Ratio to End without a program in the same publication.
    pub(crate) to_end: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    set: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    id: String,
    title: String,
    #[expect(dead_code, reason = "read by people")]
    hardware: String,
    #[expect(dead_code, reason = "as above")]
    #[serde(default)]
    note: String,
    result: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Entry {
    case: String,
    kpps: Option<f64>,
    percent: Option<f64>,
    percent_without_jit: Option<f64>,
    #[expect(dead_code, reason = "as above")]
    #[serde(default)]
    note: String,
}

/// The patch series has no result for End without a program, but says that the no-op equals it.
const EQUALS_END: &str = "end-bpf-noop";

/// All published results.
pub(crate) fn published_results() -> Vec<PublishedResult> {
    let file: File = toml::from_str(PUBLISHED_TEXT).expect("the file is part of the crate");
    file.set.iter().flat_map(results).collect()
}

fn results(set: &Set) -> Vec<PublishedResult> {
    let named = |case: &str| set.result.iter().find(|entry| entry.case == case);
    let plain = named("ipv6-forward").and_then(|entry| entry.kpps);
    let kpps = |entry: &Entry| entry.kpps.or(entry.percent.zip(plain).map(|(percent, plain)| plain * percent / 100.0));
    let end = named("end").or_else(|| named(EQUALS_END)).and_then(kpps);
    let of = |case: String, kpps: Option<f64>| PublishedResult {
        case,
        set: set.id.clone(),
        title: set.title.clone(),
        kpps,
        to_plain: kpps.zip(plain).map(|(kpps, plain)| kpps / plain),
        to_end: kpps.zip(end).map(|(kpps, end)| kpps / end),
    };
    let mut all = Vec::new();
    for entry in &set.result {
        all.push(of(entry.case.clone(), kpps(entry)));
        if let Some(percent) = entry.percent_without_jit {
            all.push(of(format!("{}-nojit", entry.case), plain.map(|plain| plain * percent / 100.0)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(set: &str, case: &str) -> PublishedResult {
        published_results().into_iter().find(|one| one.set == set && one.case == case).expect("published")
    }

    #[test]
    fn ratios_are_taken_within_a_publication() {
        let tlv = find("patch-series", "end-bpf-add-tlv8");
        assert_eq!((tlv.kpps, tlv.to_plain), (Some(410.0), None));
        assert!((tlv.to_end.expect("there") - 410.0 / 440.0).abs() < 1e-9);
        let tlv = find("thesis", "end-bpf-add-tlv8");
        assert!((tlv.to_plain.expect("there") - 0.752).abs() < 1e-9);
        assert!((tlv.to_end.expect("there") - 75.2 / 83.0).abs() < 1e-9);
        assert!((tlv.kpps.expect("there") - 458.72).abs() < 1e-9);
        assert!((find("thesis", "end-bpf-add-tlv8-nojit").to_plain.expect("there") - 0.427).abs() < 1e-9);
        assert_eq!(find("vinbero", "headend-seg6-encap").to_plain, None);
    }
}
