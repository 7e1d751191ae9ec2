//! The data file, and what is said of kernels that say more or less of themselves.

use std::collections::BTreeSet;

use super::*;

fn fix(id: &str) -> &'static Fix {
    all().iter().find(|fix| fix.id == id).expect("a fix")
}

/// First in 6.12.82 and 7.0, Debian's 6.12.85-1 and 6.1.170-1.
fn cache() -> &'static Fix {
    fix("CVE-2026-31668")
}

fn banner(package: &str) -> String {
    format!(
        "Linux version 6.12+deb13-amd64 (gcc-14 (Debian 14.2.0-19) 14.2.0) #1 SMP PREEMPT_DYNAMIC Debian {package} (2026-11-20)"
    )
}

fn of(release: &str) -> Running {
    Running::new(release, "Linux version 6 (gcc (Debian 14.2.0-19) 14.2.0) #1 SMP", None)
}

fn changelog(entries: &[(&str, &str)]) -> String {
    entries
        .iter()
        .map(|(package, text)| {
            format!("linux ({package}) stable; urgency=high\n\n  * Changes:\n{text}\n -- A B  x\n\n")
        })
        .collect()
}

#[test]
fn the_data_file_is_right() {
    let ids: BTreeSet<&str> = all().iter().map(|fix| fix.id.as_str()).collect();
    assert_eq!(ids.len(), all().len(), "an id is there twice");
    for fix in all() {
        assert!(fix.since < fix.mainline && fix.stable.iter().all(|first| fix.since < *first), "{}", fix.id);
        assert!(fix.stable.iter().all(|first| *first < fix.mainline), "{}", fix.id);
        for text in [&fix.without, &fix.when] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{}", fix.id);
        }
        let series: BTreeSet<_> = fix.stable.iter().map(|version| version.series()).collect();
        assert_eq!(series.len(), fix.stable.len(), "{}: a series is there twice", fix.id);
        // Debian takes fixes from the stable series, so it has none earlier.
        for package in &fix.debian {
            let first = fix.stable.iter().find(|first| first.series() == package.upstream.series());
            assert!(first.is_some_and(|first| package.upstream >= *first), "{}: {package}", fix.id);
        }
    }
    assert!(all().len() >= 20);
}

#[test]
fn a_version_that_is_new_enough_has_the_fix() {
    for release in
        ["6.12.82", "6.12.82-custom", "7.0", "7.0.0-rc8-mine", "7.3.4+deb13-amd64", "6.1.169", "4.9.337", "8.0"]
    {
        let verdict = cache().verdict(&of(release));
        let expected = release != "7.0.0-rc8-mine";
        assert_eq!(matches!(verdict, Verdict::Has(_)), expected, "{release}: {verdict}");
    }
}

#[test]
fn kernel_org_s_own_lacks_what_it_is_too_old_for() {
    let verdict = cache().verdict(&of("6.12.81"));
    assert_eq!(verdict.to_string(), "lacks it: Linux 6.12.82 is the first with it");
}

#[test]
fn nothing_is_said_of_what_only_its_builder_knows() {
    for release in [
        // Whoever built it may have added the fix.
        "6.12.81-custom",
        "6.1.0-50-amd64",
        "5.14.0-503.el9.x86_64",
        "6.8.0-45-generic",
        "7.0-rc3",
        // A series without a row.
        "6.13.5",
        // No version at all.
        "linux",
        "",
    ] {
        let verdict = cache().verdict(&of(release));
        assert!(matches!(verdict, Verdict::Unknown(_)), "{release}: {verdict}");
    }
    let words = cache().verdict(&of("6.12.81-custom")).to_string();
    assert_eq!(
        words,
        "cannot tell: Linux 6.12.82 is the first with it; whoever built 6.12.81-custom may have added it"
    );
}

#[test]
fn debian_s_package_decides_and_not_the_name_of_its_release() {
    let kernel = |package: &str| Running::new("6.1.0-50-amd64", &banner(package), None);
    let words = |package: &str| cache().verdict(&kernel(package)).to_string();
    assert_eq!(words("6.1.165-1"), "lacks it: Debian's 6.1.170-1 has it, and this is 6.1.165-1");
    assert_eq!(words("6.1.170-1"), "has it: Linux 6.1.169 and later have it");
    assert!(words("7.3.4-1~bpo13+1").starts_with("has it"));
    // Not in Debian's 6.12 yet, as far as the data goes.
    let writes = fix("8ae3f4067ba4");
    assert!(matches!(writes.verdict(&kernel("6.12.118-1")), Verdict::Unknown(_)));
    assert!(!writes.is_in_series_of(&kernel("6.12.118-1")) && cache().is_in_series_of(&kernel("6.12.80-1")));
}

#[test]
fn a_changelog_decides_where_the_version_does_not() {
    let named = "    - seg6: ensure packet data is writable before modifying SRH and\n      IPv6 DA\n";
    let with = |entries: &[(&str, &str)], runs: &str| {
        let kernel = Running::new("6.12+deb13-amd64", &banner(runs), Some(&changelog(entries)));
        fix("8ae3f4067ba4").verdict(&kernel)
    };
    let two = [("6.12.120-1", named), ("6.12.119-1", "    - other")];
    assert_eq!(
        with(&two, "6.12.120-1").to_string(),
        "has it: the changelog of the kernel's package names it (6.12.120-1)"
    );
    // A newer package lies on the disk than the one that runs.
    assert!(matches!(with(&two, "6.12.119-1"), Verdict::Lacks(_)));
    // A changelog of another kernel says nothing.
    assert!(matches!(with(&two, "6.12.118-1"), Verdict::Unknown(_)));
    let back = "    - Revert \"seg6: ensure packet data is writable before modifying SRH and IPv6\n      DA\"\n";
    let three = [("6.12.121-1", back), ("6.12.120-1", named)];
    assert!(matches!(with(&three, "6.12.121-1"), Verdict::Lacks(_)));
    // Debian's signed packages number their entries otherwise.
    let signed = "linux-signed-amd64 (6.12.120+1) stable; urgency=high\n\n  * Sign kernel from linux 6.12.120-1\n\n"
        .to_owned()
        + named;
    let kernel = Running::new("6.12+deb13-amd64", &banner("6.12.120-1"), Some(&signed));
    assert!(matches!(fix("8ae3f4067ba4").verdict(&kernel), Verdict::Has(_)));
}

#[test]
fn an_image_s_kernel_is_overdue_where_debian_has_a_later_one() {
    let ids = |package: &str| overdue(package).iter().map(|fix| fix.id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids("6.12.118-1"), [""; 0]);
    assert_eq!(ids("7.3.4-1~bpo13+1"), [""; 0]);
    let old = ids("6.12.112-1");
    assert!(old.contains(&"7616242a2b37") && !old.contains(&"CVE-2026-31668"), "{old:?}");
    assert!(!old.contains(&"CVE-2026-98383"), "only programs reach it: {old:?}");
    assert!(!ids("6.12.80-1").contains(&"8ae3f4067ba4"), "Debian's 6.12 has no such package");
    assert_eq!(ids("no version"), [""; 0]);
}
