//! Checks a page in Chromium: it is self-contained, has no script error, and is not wider than the window.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Opens the page in frames of two widths and checks the sizes that the browser computes.
pub(crate) fn fits(page: &Path, charts: u64) {
    let text = fs::read_to_string(page).expect("written");
    for reference in ["http://", "https://", "<script", "src=", "@import"] {
        let found = text.replace("http://www.w3.org/2000/svg", "").contains(reference);
        assert!(!found, "the page is not self-contained: {reference}");
    }
    for width in [1280, 390] {
        let result = judged(page, &text, width);
        assert_eq!(result["errors"], Value::Array(Vec::new()), "{result}");
        assert!(result["scroll"].as_u64() <= result["inner"].as_u64(), "wider than {width}: {result}");
        assert!(result["charts"].as_u64() >= Some(charts), "{result}");
        // A chart for another width would be scaled so much that it cannot be read.
        assert!(result["scaled"].as_f64() < Some(1.3), "{result}");
    }
}

fn judged(page: &Path, text: &str, width: u32) -> Value {
    let quoted = text.replace('&', "&amp;").replace('"', "&quot;");
    let judge = format!(
        "<!doctype html><body><iframe id=f style=\"width:{width}px;height:900px\" srcdoc=\"{quoted}\"></iframe>\
         <pre id=r>nothing</pre><script>let e=[];window.onerror=m=>e.push(m);f.onload=()=>{{let d=f.contentDocument;\
         f.contentWindow.onerror=m=>e.push(m);let svg=[...d.querySelectorAll('svg')].filter(s=>s.clientWidth>0);\
         r.textContent=JSON.stringify({{scroll:d.documentElement.scrollWidth,inner:f.contentWindow.innerWidth,\
         charts:svg.length,scaled:Math.max(...svg.map(s=>s.clientWidth/s.getAttribute('width'))),errors:e}})}}</script>"
    );
    let file = page.with_file_name(format!("judge-{width}.html"));
    fs::write(&file, judge).expect("written");
    let profile = tempfile::tempdir().expect("a folder");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("Chromium is there (Debian: apt-get install chromium)");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = dom.split("<pre id=\"r\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let error = || panic!("{dom}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(result.unwrap_or_default()).unwrap_or_else(|_| error())
}
