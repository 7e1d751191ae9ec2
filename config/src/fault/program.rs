//! Faults of programs: which one of an object, its globals, its maps. Not here: finding them (the reader, and [`crate::resolve`]).

use miette::Diagnostic;

use crate::model::{MOST_ROW_BYTES, MOST_ROWS};

/// A fault of a `[program.NAME]`, by itself or compared with its object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ProgramFault {
    /// A program that is not in the file.
    #[error("the file has no `[program.{name}]`")]
    #[diagnostic(code(segbox::unknown_program), help("{near}"))]
    UnknownProgram {
        /// As written.
        name: String,
        /// The most similar name.
        near: String,
    },
    /// A program without a use.
    #[error("no SID and no policy uses the program `{name}`")]
    #[diagnostic(
        severity(Warning),
        code(segbox::program_unused),
        help("segbox does not load it; use it in a SID with `End.BPF` or in a policy with `H.BPF`, or remove it")
    )]
    Unused {
        /// Its name.
        name: String,
    },
    /// An object without programs.
    #[error("`{object}` has no program that segbox can run")]
    #[diagnostic(
        code(segbox::no_program),
        help("put one into the ELF section `lwt_seg6local` (for End.BPF) or `lwt_in` (for H.BPF)")
    )]
    NoProgram {
        /// The object.
        object: String,
    },
    /// An object with several programs, where none is chosen.
    #[error("`{object}` has several programs")]
    #[diagnostic(code(segbox::several_programs), help("choose one of {names} with the key `section`"))]
    Several {
        /// The object.
        object: String,
        /// Their sections and functions.
        names: String,
    },
    /// An unknown section or function.
    #[error("`{object}` has no section and no function `{section}`")]
    #[diagnostic(code(segbox::no_such_section), help("{near}"))]
    NoSuchSection {
        /// The object.
        object: String,
        /// As written.
        section: String,
        /// The most similar name.
        near: String,
    },
    /// A section of another kind of program.
    #[error("segbox cannot run a program in the section `{section}`")]
    #[diagnostic(
        code(segbox::no_such_hook),
        help("choose one in a section `lwt_seg6local` (for End.BPF) or `lwt_in` (for H.BPF)")
    )]
    NoSuchHook {
        /// Its ELF section.
        section: String,
    },
    /// End.BPF with lwt_in, or H.BPF with lwt_seg6local.
    #[error("the program `{program}` is in a section `{has}`, and {behavior} needs one in a section `{wants}`")]
    #[diagnostic(code(segbox::wrong_hook), help("use another program here"))]
    WrongHook {
        /// Its name.
        program: String,
        /// Its section's kind.
        has: &'static str,
        /// The behavior that runs it.
        behavior: &'static str,
        /// The kind of section that it needs.
        wants: &'static str,
    },
    /// An unknown global.
    #[error("`{object}` has no read-only global `{name}`")]
    #[diagnostic(code(segbox::no_such_global), help("{near}"))]
    NoSuchGlobal {
        /// The object.
        object: String,
        /// As written.
        name: String,
        /// The most similar name.
        near: String,
    },
    /// An unknown map.
    #[error("`{object}` has no map `{name}`")]
    #[diagnostic(code(segbox::no_such_map), help("{near}"))]
    NoSuchMap {
        /// The object.
        object: String,
        /// As written.
        name: String,
        /// The most similar name.
        near: String,
    },
    /// A map of a type that a file cannot fill.
    #[error("a file cannot fill the map `{name}`: it is of another type")]
    #[diagnostic(
        code(segbox::map_not_filled),
        help("remove this table; a file can fill maps of the types array, hash, LRU hash and LPM trie")
    )]
    NotFilled {
        /// The map.
        name: String,
    },
    /// Over the map's max_entries.
    #[error("the map `{name}` has room for {most} entries, and the file has {rows}")]
    #[diagnostic(code(segbox::too_many_rows), help("remove entries, or build the object with a larger `max_entries`"))]
    TooManyRows {
        /// The map.
        name: String,
        /// As written.
        rows: usize,
        /// Its max_entries.
        most: u32,
    },
    /// Over what segbox holds of one map.
    #[error("{rows} entries of {size} bytes are too many for the map `{name}`")]
    #[diagnostic(
        code(segbox::map_too_large),
        help("a file can have {MOST_ROWS} entries in a map, and {} MiB of them; let the program fill the map", MOST_ROW_BYTES >> 20)
    )]
    MapTooLarge {
        /// The map.
        name: String,
        /// As written.
        rows: usize,
        /// Bytes of a key and a value.
        size: usize,
    },
    /// Past an array's end.
    #[error("{index} is past the end of the array map `{name}`")]
    #[diagnostic(code(segbox::past_the_end), help("write an index below {most}"))]
    PastTheEnd {
        /// The map.
        name: String,
        /// As written.
        index: i128,
        /// Its max_entries.
        most: u32,
    },
    /// Two keys of the same bytes.
    #[error("two entries of the map `{name}` have the same key")]
    #[diagnostic(code(segbox::row_twice), help("remove one of the two"))]
    RowTwice {
        /// The map.
        name: String,
    },
    /// A value of another type.
    #[error("{of}`{name}` cannot be {found}")]
    #[diagnostic(code(segbox::value_type), help("write {wanted}"))]
    ValueType {
        /// `a key of `, or nothing.
        of: &'static str,
        /// The global, map or field.
        name: String,
        /// From the object's types.
        wanted: String,
        /// As written.
        found: String,
    },
    /// A number that does not fit the type.
    #[error("{of}`{name}` cannot be {value}")]
    #[diagnostic(code(segbox::value_range), help("write a number from {min} to {max}"))]
    ValueRange {
        /// `a key of `, or nothing.
        of: &'static str,
        /// The global, map or field.
        name: String,
        /// As written.
        value: i128,
        /// Smallest.
        min: i128,
        /// Largest.
        max: i128,
    },
    /// Too many or too few bytes or elements.
    #[error("{of}`{name}` has {wanted} {unit}, and here are {found}")]
    #[diagnostic(code(segbox::value_length), help("write {wanted} {unit}"))]
    ValueLength {
        /// `a key of `, or nothing.
        of: &'static str,
        /// The global, map or field.
        name: String,
        /// By its type.
        wanted: usize,
        /// As written.
        found: usize,
        /// `bytes` or `elements`.
        unit: &'static str,
    },
    /// An unknown field.
    #[error("`{name}` has no field `{field}`")]
    #[diagnostic(code(segbox::no_such_field), help("{near}"))]
    NoSuchField {
        /// The global or map.
        name: String,
        /// As written.
        field: String,
        /// The most similar name.
        near: String,
    },
}
