//! `segbench report` of the results in docs/bench: each page has all cases, also those that were not measured, and fits a
//! browser's window. Needs Chromium; measures nothing.

mod browser;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const SEGBENCH: &str = env!("CARGO_BIN_EXE_segbench");

/// Writes a result's page to a folder.
fn page(result: &Path, folder: &Path) -> PathBuf {
    let page = folder.join("page.html");
    let output = Command::new(SEGBENCH).arg("report").arg(result).arg("--output").arg(&page).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    page
}

fn checked_in() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bench");
    let files = fs::read_dir(folder).expect("there").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect()
}

#[test]
fn the_page_of_a_whole_run_fits_a_browser() {
    let results = checked_in();
    assert!(!results.is_empty());
    for result in results {
        let folder = tempfile::tempdir().expect("a folder");
        let page = page(&result, folder.path());
        let text = fs::read_to_string(&page).expect("written");
        let run: Value = serde_json::from_slice(&fs::read(&result).expect("there")).expect("JSON");
        for case in run["cases"].as_array().expect("a list").iter().chain(run["skipped"].as_array().expect("a list")) {
            let id = case["case"].as_str().expect("a text");
            assert!(text.contains(&format!("<code>{id}</code>")), "{id}");
        }
        // Ratios, rates, latency, and three figures of growing cost.
        browser::fits(&page, 6);
    }
}

/// The same run, as if it were the result of searches through ports.
#[test]
fn the_page_of_a_search_fits_a_browser() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run: Value = serde_json::from_slice(&fs::read(&checked_in()[0]).expect("there")).expect("JSON");
    for case in run["cases"].as_array_mut().expect("a list") {
        let pdr = case["kpps"]["median"].as_f64().expect("a number");
        case["search"] = json!({
            "ndr": pdr * 0.98, "pdr": pdr, "line-rate": 6578.9, "generator-rate": 3012.7, "at-ceiling": true, "trials": 31,
            "log": [{"part": "search", "rate": pdr, "seconds": 10.0, "sent": 123456789, "received": 123456000, "late": 0.0,
                     "not-taken": 0}],
            "box": {"came-in": 123456790, "sid": 123456780, "sid-errors": 0, "went-out": 123456001},
        });
    }
    let result = folder.path().join("lab.json");
    fs::write(&result, run.to_string()).expect("written");
    let page = page(&result, folder.path());
    let text = fs::read_to_string(&page).expect("written");
    for word in [
        "<th>NDR</th>",
        "<th>line</th>",
        "6579",
        "the tester's",
        "received 123456790, its SID forwarded 123456780,",
        "half the NDR",
    ] {
        assert!(text.contains(word), "{word}");
    }
    browser::fits(&page, 6);
}

#[test]
fn the_example_and_its_rerun_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bench");
    let [first, second] = ["", "-rerun"].map(|which| folder.join(format!("2026-11-28-epyc-vm{which}.json")));
    let output = Command::new(SEGBENCH).arg("compare").args([first, second]).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
