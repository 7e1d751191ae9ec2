//! Tests of [`super::folder`].

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use segbox_plan::Setting;

use super::folder::{Folder, FolderError, LOOK};

#[test]
fn two_at_once_wait_for_each_other_but_not_for_ever() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(place.path());
    let first = folder.lock().expect("the lock is free");
    assert!(matches!(folder.lock_within(LOOK * 2), Err(FolderError::Busy { .. })));
    std::thread::scope(|scope| {
        let second = scope.spawn(|| folder.lock());
        std::thread::sleep(LOOK * 2);
        assert!(!second.is_finished(), "the first has it");
        drop(first);
        second.join().expect("no panic").expect("the first is gone");
    });
}

#[test]
fn a_folder_that_is_removed_while_others_wait_is_theirs_whole() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(&place.path().join("1-2"));
    std::thread::scope(|scope| {
        for own in ["one", "two", "three"] {
            let folder = &folder;
            scope.spawn(move || {
                for _ in 0..300 {
                    let lock = loop {
                        match folder.lock_within(Duration::ZERO) {
                            Err(FolderError::Busy { .. }) => {}
                            lock => break lock.expect("free, or held"),
                        }
                    };
                    folder.write(own, b"x").expect("ours alone");
                    assert!(folder.read(own).expect("readable").is_some(), "nobody else removes it");
                    folder.remove_all().expect("others may be back already");
                    drop(lock);
                }
            });
        }
    });
    assert!(!place.path().join("1-2").exists(), "the last one leaves nothing");
}

#[test]
fn written_files_read_back_and_missing_ones_are_none() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(place.path());
    assert!(folder.base().expect("readable").is_empty());
    let base = BTreeMap::from([(Setting::Hostname, "r1".to_owned()), (Setting::EncapSource, "::".to_owned())]);
    folder.write_base(&base).expect("writable");
    assert_eq!(folder.base().expect("readable"), base);
    folder.write("base.json", b"not json").expect("writable");
    assert!(matches!(folder.base(), Err(FolderError::Content { .. })));
    folder.remove("base.json").expect("removable");
    folder.remove("base.json").expect("gone already is fine");
}

#[test]
fn room_that_was_taken_is_used_or_given_back() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(place.path());
    let content = vec![b'x'; 100];
    let fresh = folder.path("record.json.new");
    let begin = || {
        let mut begun = folder.begin("record.json");
        begun.text(std::str::from_utf8(&content).expect("text"));
        folder.reserve(&mut begun).expect("there is room");
        begun
    };
    let begun = begin();
    assert!(fs::metadata(&fresh).is_ok_and(|file| file.len() > 100));
    folder.finish(begun).expect("it was taken");
    assert_eq!(folder.read("record.json").expect("readable"), Some(content.clone()));
    assert!(!fresh.exists());
    begin();
    // A segbox without versions left its half-written file under another name.
    fs::write(folder.path("record.new"), "half").expect("ours");
    fs::create_dir(folder.path("x.new")).expect("ours");
    folder.tidy();
    let left: Vec<_> = fs::read_dir(place.path()).expect("there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["record.json"]);
}

#[test]
fn a_second_name_keeps_the_content_and_gives_it_back() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(place.path());
    assert!(!folder.link("record.json", "earlier").expect("nothing to keep"));
    folder.write("record.json", b"one").expect("writable");
    assert!(folder.link("record.json", "earlier").expect("kept"));
    folder.write("record.json", b"two").expect("writable");
    for _ in 0..2 {
        // Interrupted and done again, it gives the same.
        folder.put_back("earlier", "record.json").expect("writable");
        assert_eq!(folder.read("record.json").expect("readable").as_deref(), Some(&b"one"[..]));
    }
}
