//! Checks a `[program.NAME]` against its object: chooses the program, and makes bytes of its globals and maps. Not here: the bytes of a
//! single value ([`super::encode`], [`super::keys`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Unseen;
use super::encode::encode;
use super::keys::encode_key;
use crate::fault::{Fault, Found, ProgramFault, SurroundingsFault, listed, near};
use crate::model::{MOST_ROW_BYTES, MOST_ROWS, Program};
use crate::object::{Hook, MapKind, MapShape, Object, ObjectProgram};
use crate::place::{At, Span};
use crate::read::{ProgramDraft, Value};
use crate::surroundings::Surroundings;

/// The program; None where it has faults, which are added, and where its object was not read and need not be.
pub(super) fn resolve(
    draft: &ProgramDraft,
    around: &Surroundings,
    unseen: Unseen,
    faults: &mut Found,
) -> Option<Program> {
    let at = draft.object.as_ref()?;
    let object = match around.objects.get(&at.value) {
        Some(Ok(object)) => object,
        Some(Err(why)) => {
            let unreadable = SurroundingsFault::ObjectUnreadable { object: at.value.clone(), why: why.clone() };
            faults.push(Fault::new(at.span, unreadable));
            return None;
        }
        None => {
            if unseen == Unseen::Fails {
                faults.push(Fault::new(at.span, SurroundingsFault::NotLookedAt { file: at.value.clone() }));
            }
            return None;
        }
    };
    let before = faults.len();
    let found = which(draft, at, object, faults);
    let globals = draft.globals.iter().filter_map(|(name, value)| global(&at.value, object, name, value, faults));
    let globals: BTreeMap<_, _> = globals.collect();
    let mut rows = BTreeMap::new();
    for (name, written) in &draft.maps {
        let Some(shape) = object.maps.get(&*name.value) else {
            let near = near(&name.value, object.maps.keys().map(String::as_str));
            let missing = ProgramFault::NoSuchMap { object: at.value.clone(), name: name.value.to_string(), near };
            faults.push(Fault::new(name.span, missing));
            continue;
        };
        rows.insert(name.value.to_string(), map(name, shape, written, faults));
    }
    let (program, hook) = found?;
    (faults.len() == before).then(|| Program {
        object: Arc::clone(&object.bytes),
        section: program.section.clone(),
        function: program.function.clone(),
        hook,
        globals,
        rows,
    })
}

/// The program of the object that the draft chooses, and its hook.
fn which<'o>(
    draft: &ProgramDraft,
    at: &At<String>,
    object: &'o Object,
    faults: &mut Found,
) -> Option<(&'o ObjectProgram, Hook)> {
    let name = at.value.clone();
    let (found, span) = match &draft.section {
        Some(section) => (by_name(name, object, section), section.span),
        None => (only_one(name, object), at.span),
    };
    let program = found.map_err(|fault| faults.push(Fault::new(span, fault))).ok()?;
    let Some(hook) = program.hook else {
        faults.push(Fault::new(span, ProgramFault::NoSuchHook { section: program.section.clone() }));
        return None;
    };
    let mut right = true;
    for (wanted, span) in draft.uses.iter().filter(|(wanted, _)| **wanted != hook) {
        let behavior = match wanted {
            Hook::Seg6Local => "End.BPF",
            Hook::LwtIn => "H.BPF",
            Hook::TcEgress => "hop-limit",
            Hook::Xdp => "fast-path",
        };
        let wants = wanted.section();
        let wrong = ProgramFault::WrongHook { program: draft.name.clone(), has: hook.section(), behavior, wants };
        faults.push(Fault::new(*span, wrong).beside(at.span, "its object"));
        right = false;
    }
    right.then_some((program, hook))
}

fn by_name<'o>(name: String, object: &'o Object, section: &At<String>) -> Result<&'o ObjectProgram, ProgramFault> {
    let wanted = section.value.as_str();
    let function = object.programs.iter().find(|program| program.function == wanted);
    // A section may have several functions; then only the name of a function is a choice.
    let mut sections = object.programs.iter().filter(|program| program.section == wanted);
    match (function, sections.next(), sections.next()) {
        (Some(program), ..) | (None, Some(program), None) => Ok(program),
        (None, Some(_), Some(_)) => Err(ProgramFault::Several { object: name, names: names(object) }),
        (None, None, _) => {
            let among =
                object.programs.iter().flat_map(|program| [program.section.as_str(), program.function.as_str()]);
            Err(ProgramFault::NoSuchSection { object: name, section: wanted.to_owned(), near: near(wanted, among) })
        }
    }
}

fn only_one(name: String, object: &Object) -> Result<&ObjectProgram, ProgramFault> {
    let mut ours = object.programs.iter().filter(|program| program.hook.is_some());
    match (ours.next(), ours.next()) {
        (Some(program), None) => Ok(program),
        (None, _) => Err(ProgramFault::NoProgram { object: name }),
        (Some(_), Some(_)) => Err(ProgramFault::Several { object: name, names: names(object) }),
    }
}

fn names(object: &Object) -> String {
    listed(object.programs.iter().filter(|program| program.hook.is_some()).map(|program| program.function.as_str()))
}

fn global(
    object_name: &str,
    object: &Object,
    name: &At<Box<str>>,
    value: &At<Value>,
    faults: &mut Found,
) -> Option<(String, Vec<u8>)> {
    let Some(shape) = object.globals.get(&*name.value) else {
        let near = near(&name.value, object.globals.keys().map(String::as_str));
        let missing = ProgramFault::NoSuchGlobal { object: object_name.into(), name: name.value.to_string(), near };
        faults.push(Fault::new(name.span, missing));
        return None;
    };
    Some((name.value.to_string(), encode(shape, &name.value, value, faults)?))
}

/// A map's entries; those with a fault are left out, and their faults added.
fn map(
    name: &At<Box<str>>,
    shape: &MapShape,
    written: &[crate::read::Pair],
    faults: &mut Found,
) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let map = || name.value.to_string();
    let mut rows = BTreeMap::new();
    if matches!(shape.kind, MapKind::RingBuf | MapKind::Other(_)) {
        faults.push(Fault::new(name.span, ProgramFault::NotFilled { name: map() }));
        return rows;
    }
    if written.len() > shape.max_entries as usize {
        let many = ProgramFault::TooManyRows { name: map(), rows: written.len(), most: shape.max_entries };
        faults.push(Fault::new(name.span, many));
        return rows;
    }
    let size = shape.key.size() as usize + shape.value.size() as usize;
    if written.len() > MOST_ROWS || written.len().saturating_mul(size) > MOST_ROW_BYTES {
        faults.push(Fault::new(name.span, ProgramFault::MapTooLarge { name: map(), rows: written.len(), size }));
        return rows;
    }
    let mut places: BTreeMap<Vec<u8>, Span> = BTreeMap::new();
    for (key, value) in written {
        let value = encode(&shape.value, &name.value, value, faults);
        let bytes = match encode_key(shape, &name.value, &key.value) {
            Ok(bytes) => bytes,
            Err(fault) => {
                faults.push(Fault::new(key.span, fault));
                continue;
            }
        };
        if shape.kind == MapKind::Array
            && let Some(index) = past_the_end(&bytes, shape.max_entries)
        {
            let past = ProgramFault::PastTheEnd { name: map(), index, most: shape.max_entries };
            faults.push(Fault::new(key.span, past));
            continue;
        }
        if let Some(first) = places.insert(bytes.clone(), key.span) {
            faults.push(Fault::new(key.span, ProgramFault::RowTwice { name: map() }).beside(first, "first here"));
        }
        // An array has every entry from the start, filled with zeros: an entry of zeros is the same as none.
        let is_there = |value: &Vec<u8>| shape.kind != MapKind::Array || value.iter().any(|byte| *byte != 0);
        rows.extend(value.filter(is_there).map(|value| (bytes, value)));
    }
    rows
}

/// The index of an array map's entry, where the map has no such entry.
fn past_the_end(key: &[u8], most: u32) -> Option<i128> {
    let index = u32::from_le_bytes(key.try_into().ok()?);
    (index >= most).then_some(index.into())
}
