//! hw-profiles/ gives reasons: each value has a comment with its reason, its number and its source. The calculations in comments are done
//! again here.
//!
//! The comment of a value is on its line or right above it. Such a comment also counts for the values below it that it names (`tx-ring`),
//! up to the next comment or blank line. A block that stands alone counts for every table of the file, for the values that it quotes:
//! `rps = "off"`. So a new key or a changed number has no comment until one is written.
#![expect(clippy::expect_used, reason = "a test stops on a surprise")]

use std::fs;
use std::path::PathBuf;

/// Packets of 64 bytes per microsecond, with preamble and gap, at 1, 10, 25 and 100 Gbit/s.
const LINE_RATES: [&str; 4] = ["1.488", "14.88", "37.2", "148.8"];
/// The marks of a source: a file of the kernel or of its documentation, one of its interfaces, a standard, a manual.
const SOURCES: [&str; 8] = [".c", ".h", ".rst", "/proc/", "/sys/", "RFC ", "Intel SDM", "datasheet"];

/// Name and text of each profile.
fn profiles() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../hw-profiles");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let named = |path: PathBuf| (path.display().to_string(), fs::read_to_string(&path).expect("the file can be read"));
    let profiles: Vec<_> = paths.map(named).collect();
    assert!(profiles.len() >= 10, "profiles have gone");
    profiles
}

/// The keys and values of an inline table; any other value without a key.
fn parts(value: &str) -> Vec<(Option<&str>, &str)> {
    match value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => vec![(None, value)],
        Some(inside) => inside
            .split(',')
            .map(|pair| pair.split_once('=').expect("a key and its value"))
            .map(|(key, value)| (Some(key.trim()), value.trim()))
            .collect(),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '(', ')', ',', ';', ':']).map(|word| word.trim_end_matches('.')).filter(|word| !word.is_empty())
}

fn has_source(comment: &str) -> bool {
    let ends = |source: &str| words(comment).any(|word| word.ends_with(source) && word.len() > source.len());
    SOURCES.iter().any(|source| if source.starts_with('.') { ends(source) } else { comment.contains(source) })
}

/// The values of a profile that no comment explains, and the missing part.
fn unexplained(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    // Entries of the blocks that stand alone; the comment above, and whether a value stood between it and here.
    let (mut general, mut above, mut first) = (Vec::<String>::new(), String::new(), true);
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            if !first {
                above.clear();
            }
            first = true;
            above = above + comment.trim() + "\n";
        } else if line.is_empty() || line.starts_with('[') {
            let mut entry = String::new();
            for line in above.lines() {
                if line.starts_with('`') {
                    general.push(std::mem::take(&mut entry));
                }
                entry = entry + line + " ";
            }
            general.push(entry);
            (above, first) = (String::new(), true);
        } else {
            let (key, value) = line.split_once(" = ").expect("one key a line");
            let (value, beside) = value.split_once('#').unwrap_or((value, ""));
            if key != "description" {
                let above = above.replace('\n', " ");
                faults.extend(faults_of(key, value.trim(), beside, (&above, first), &general));
            }
            first = false;
        }
    }
    faults
}

fn faults_of(key: &str, value: &str, beside: &str, above: (&str, bool), general: &[String]) -> Vec<String> {
    let (above, first) = above;
    let parts = parts(value);
    let alone = parts.len() == 1;
    let fault = |(part, value): (Option<&str>, &str)| {
        let name = part.unwrap_or(key);
        let named = |comment: &str| comment.contains(&format!("`{name}`"));
        let mut comments: Vec<&str> =
            general.iter().map(String::as_str).filter(|entry| entry.contains(&format!("`{name} = {value}`"))).collect();
        comments.extend([beside].into_iter().filter(|comment| !comment.is_empty() && (alone || named(comment))));
        comments
            .extend([above].into_iter().filter(|comment| !comment.is_empty() && (first && alone || named(comment))));
        let lacks = if comments.is_empty() {
            "a comment"
        } else if !comments.iter().any(|comment| has_source(comment)) {
            "a source"
        } else if value.parse::<u64>().is_ok()
            && !comments.iter().any(|comment| words(comment).any(|word| word == value))
        {
            "its number in its comment"
        } else {
            return None;
        };
        Some(format!("{name} = {value} lacks {lacks}"))
    };
    parts.into_iter().filter_map(fault).collect()
}

/// A number as written, its value, and half of its last digit.
fn number(word: &str) -> Option<(f64, f64)> {
    let value = word.parse().ok()?;
    let digits = word.split_once('.').map_or(0, |(_, digits)| digits.len());
    Some((value, 0.5 / 10_f64.powi(i32::try_from(digits).expect("few"))))
}

/// The errors in a sentence with a calculation such as `(14.88 Mpps / 3)`: the time that descriptors last, the packets in a time.
fn misreckoned(sentence: &str) -> Vec<String> {
    let words: Vec<&str> = words(sentence).collect();
    let rates: Vec<usize> =
        (1..words.len()).filter(|at| words[*at] == "Mpps" && LINE_RATES.contains(&words[at - 1])).collect();
    let [rate] = rates[..] else {
        return if rates.is_empty() { vec![] } else { vec![format!("two rates: {sentence}")] };
    };
    let queues = if words.get(rate + 1) == Some(&"/") { number(words[rate + 2]).expect("queues").0 } else { 1.0 };
    let rate = number(words[rate - 1]).expect("a rate").0 / queues;
    let quantities = words.windows(2).filter_map(|pair| Some((number(pair[0])?, pair[1])));
    let (mut faults, mut reckoned, mut before) = (Vec::new(), 0, None);
    for ((value, within), unit) in quantities {
        let right = match (before, unit) {
            (Some((count, "descriptors")), "ms") => Some(count / rate / 1000.0),
            (Some((time, "µs")), "packets") => Some(time * rate),
            (Some((time, "ms")), "packets") => Some(time * 1000.0 * rate),
            _ => None,
        };
        reckoned += usize::from(right.is_some());
        if let Some(right) = right.filter(|right| (right - value).abs() > within + 1e-9) {
            faults.push(format!("{value} {unit} are {right:.3}: {sentence}"));
        }
        before = Some((value, unit));
    }
    if reckoned == 0 {
        faults.push(format!("a rate, and nothing reckoned by it: {sentence}"));
    }
    faults
}

/// The sentences of all comments of a profile.
fn sentences(text: &str) -> Vec<String> {
    let marked = text.lines().map(|line| line.strip_prefix("# ").unwrap_or("\n"));
    let comments: String = marked.flat_map(|line| [line, " "]).collect();
    comments.split('\n').flat_map(|comment| comment.split(". ")).map(str::to_owned).collect()
}

#[test]
fn each_value_says_why_it_has_its_number_and_where_that_is_from() {
    let faults = profiles()
        .into_iter()
        .flat_map(|(name, text)| unexplained(&text).into_iter().map(move |fault| format!("{name}: {fault}")));
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_the_comments_reckon_comes_out() {
    let (mut faults, mut reckoned) = (Vec::new(), 0);
    for (name, text) in profiles() {
        for sentence in sentences(&text) {
            reckoned += usize::from(sentence.contains("Mpps"));
            faults.extend(misreckoned(&sentence).into_iter().map(|fault| format!("{name}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(reckoned > 50, "{reckoned}");
}

#[test]
fn what_is_not_explained_is_found() {
    let block =
        "# In common.\n# `rps = \"off\"`: the card does it (scaling.rst).\n# `lro = false`: (ixgbe.rst).\n\n[nic.a]\n";
    let cases = [
        ("rx-ring = 1024\n", "rx-ring = 1024 lacks a comment"),
        ("# 1024 hold enough.\nrx-ring = 1024\n", "rx-ring = 1024 lacks a source"),
        ("# 1024 is the driver's own (a.h).\nrx-ring = 2048\n", "rx-ring = 2048 lacks its number in its comment"),
        ("# 1024 (a.h).\nrx-ring = 1024\ntx-ring = 1024\n", "tx-ring = 1024 lacks a comment"),
        ("# 1024 (a.h).\n\nrx-ring = 1024\n", "rx-ring = 1024 lacks a comment"),
        ("rps = \"forwarding\"\n", "rps = \"forwarding\" lacks a comment"),
        ("offloads = { lro = true }\n", "lro = true lacks a comment"),
        ("# 30 µs (a.c).\ncoalesce = { rx-usecs = 30, tx-usecs = 30 }\n", "rx-usecs = 30 lacks a comment"),
        ("# `rx-usecs`: 30 (a.c).\ncoalesce = { rx-usecs = 30, tx-usecs = 30 }\n", "tx-usecs = 30 lacks a comment"),
    ];
    for (lines, fault) in cases {
        let faults = unexplained(&format!("{block}{lines}"));
        assert_eq!(faults.first().map(String::as_str), Some(fault), "{lines}");
    }
    let good =
        "# 1024 (a.h), `tx-ring` as well.\nrx-ring = 1024\ntx-ring = 1024\nrps = \"off\"\noffloads = { lro = false }\n";
    assert_eq!(unexplained(&format!("{block}{good}")), Vec::<String>::new());
}

#[test]
fn what_is_reckoned_wrong_is_found() {
    for wrong in [
        "4096 descriptors hold 0.6 ms (37.2 Mpps / 8)",
        "30 µs are 140 packets (14.88 Mpps / 4)",
        "4096 descriptors hold 0.88 ms, 2048 descriptors hold 0.41 ms (37.2 Mpps / 8)",
        "10 ms are 14881 packets (1.488 Mpps)",
        "a ring lasts (14.88 Mpps / 4)",
        "30 µs are 45 packets (1.488 Mpps) or 446 packets (14.88 Mpps)",
    ] {
        assert_eq!(misreckoned(wrong).len(), 1, "{wrong}");
    }
    for right in [
        "4096 descriptors (a.h) hold 0.88 ms (37.2 Mpps / 8; a.h)",
        "30 µs are 112 packets (14.88 Mpps / 4)",
        "1 Mpps a core",
    ] {
        assert_eq!(misreckoned(right), Vec::<String>::new());
    }
}
