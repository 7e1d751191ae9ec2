//! A signed image's papers: its signatures hold, and they vouch for the files on its disk. Not here: the firmware that checks them
//! (`secure_boot`).

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use minisign::{PublicKey, SignatureBox, verify};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::built::{SIGNED, esp, run, said, tool};
use crate::keys::secure_boot;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file of the image")).expect("JSON")
}

#[test]
fn the_manifest_is_signed_and_vouches_for_the_slots_files() {
    let place = tempfile::tempdir().expect("a folder");
    let slot = |name: &str| {
        let to = place.path().join(name);
        esp(&SIGNED.folder.join("segbox.raw")).copy_out(&format!("slots/a/{name}"), &to);
        fs::read(to).expect("just copied")
    };
    let signature = String::from_utf8(slot("manifest.json.minisig")).expect("text");
    let signature = SignatureBox::from_string(&signature).expect("a signature");
    let mut manifest = slot("manifest.json");
    let holds = |key: &PublicKey, text: &[u8]| verify(key, &signature, Cursor::new(text), true, false, false).is_ok();
    assert!(holds(&SIGNED.keys.public, &manifest), "what lies on the disk is what was signed");
    let stranger = minisign::KeyPair::generate_unencrypted_keypair().expect("random numbers").pk;
    assert!(!holds(&stranger, &manifest), "another key's signature");

    let content: Value = serde_json::from_slice(&manifest).expect("JSON");
    let files = content["files"].as_object().expect("files");
    assert_eq!(files.len(), 4, "{files:?}");
    for (name, said) in files {
        let content = slot(name);
        assert_eq!(said["sha256"], hex::encode(Sha256::digest(&content)), "{name}");
        assert_eq!(said["size"], content.len(), "{name}");
    }
    manifest[10] ^= 1;
    assert!(!holds(&SIGNED.keys.public, &manifest), "a changed manifest");
}

#[test]
fn loader_and_uki_are_signed_for_the_firmware_and_for_no_other_key() {
    let place = tempfile::tempdir().expect("a folder");
    let (_, stranger) = secure_boot(place.path(), "stranger");
    for name in ["EFI/BOOT/BOOTX64.EFI", "slots/a/segbox.efi"] {
        let file = place.path().join("program");
        esp(&SIGNED.folder.join("segbox.raw")).copy_out(name, &file);
        let verified = |certificate: &Path, file: &Path| {
            tool("sbverify").arg("--cert").arg(certificate).arg(file).output().expect("the tools have it")
        };
        let own = verified(&SIGNED.keys.certificate, &file);
        assert!(own.status.success(), "{name}: {}", said(&own));
        assert!(!verified(&stranger, &file).status.success(), "{name}: another certificate");
    }
}

#[test]
fn the_manifest_names_debians_packages_and_the_firmware_of_cards() {
    let manifest = json(&SIGNED.folder.join("manifest.json"));
    let packages = manifest["packages"].as_object().expect("packages");
    let kernel = format!("linux-image-{}", manifest["kernel"].as_str().expect("a release"));
    for name in [kernel.as_str(), "firmware-intel-misc", "systemd-boot-efi", "grub-pc-bin", "grub-efi-amd64-bin"] {
        let version = packages.get(name).and_then(Value::as_str).unwrap_or_default();
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{name}: {packages:?}");
    }
    let firmware = manifest["firmware"].as_object().expect("firmware");
    assert!(firmware.keys().any(|name| name.starts_with("intel/ice/ddp/")), "the card's own programme: {firmware:?}");
    assert!(firmware.values().all(|file| file["sha256"].as_str().is_some_and(|hash| hash.len() == 64)), "{firmware:?}");
}

#[test]
fn the_bill_of_materials_is_cyclonedx_and_names_the_crates_of_the_program() {
    let bill = json(&SIGNED.folder.join("segbox.cdx.json"));
    // The schema's demands (bom-1.6.schema.json: `required` of the bill, a component, a hash, a dependency).
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.6")));
    assert!(bill["version"].as_u64().is_some_and(|version| version >= 1));
    let components = bill["components"].as_array().expect("components");
    let mut references = BTreeSet::new();
    for component in components.iter().chain([&bill["metadata"]["component"]]) {
        assert!(matches!(component["type"].as_str(), Some("library" | "application")), "{component}");
        assert!(component["name"].is_string() && component["version"].is_string(), "{component}");
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        for hash in component["hashes"].as_array().into_iter().flatten() {
            assert_eq!((hash["alg"].as_str(), hash["content"].as_str().map(str::len)), (Some("SHA-256"), Some(64)));
        }
        let reference = component["bom-ref"].as_str().expect("a name for the dependencies");
        assert!(references.insert(reference), "{reference} is there twice");
    }
    for dependency in bill["dependencies"].as_array().expect("dependencies") {
        let on = dependency["dependsOn"].as_array().into_iter().flatten();
        for reference in on.chain([&dependency["ref"]]) {
            assert!(references.contains(reference.as_str().expect("a name")), "{reference} is no component");
        }
    }

    // Cargo's own view, which does not know what was built.
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(env!("CARGO_MANIFEST_DIR"));
    tree.args(["tree", "--locked", "--package", "segbox", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    tree.args(["--target", "x86_64-unknown-linux-gnu", "--format", "{p}"]);
    let tree = run(&mut tree);
    let named = |line: &str| {
        let mut words = line.split(' ');
        Some(format!("{}@{}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    let wanted: BTreeSet<String> = tree.lines().filter_map(named).filter(|name| !name.starts_with("segbox@")).collect();
    let listed = components.iter().map(|component| {
        format!(
            "{}@{}",
            component["name"].as_str().unwrap_or_default(),
            component["version"].as_str().unwrap_or_default()
        )
    });
    assert_eq!(listed.collect::<BTreeSet<_>>(), wanted);
}
