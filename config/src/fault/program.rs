//! Faults of programs: which one of an object, its globals, its maps' rows.

use miette::Diagnostic;

/// What is wrong with a program's table, in itself or held against its object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum ProgramFault {
    /// A program that isn't in the file.
    #[error("there is no `[program.{name}]`")]
    #[diagnostic(code(segbox::unknown_program), help("{near}"))]
    UnknownProgram {
        /// As written.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// Loaded by nobody.
    #[error("no SID and no policy uses the program `{name}`")]
    #[diagnostic(
        severity(Warning),
        code(segbox::program_unused),
        help("it is not loaded; name it in a SID with `End.BPF` or a policy with `H.BPF`, or remove it")
    )]
    Unused {
        /// Its name.
        name: String,
    },
    /// An object without any.
    #[error("`{object}` holds no program that segbox could run")]
    #[diagnostic(
        code(segbox::no_program),
        help("put one in the section `lwt_seg6local` (for End.BPF) or `lwt_in` (for H.BPF)")
    )]
    NoProgram {
        /// The object.
        object: String,
    },
    /// Which one?
    #[error("`{object}` holds several programs")]
    #[diagnostic(code(segbox::several_programs), help("choose one by `section`: there is {names}"))]
    Several {
        /// The object.
        object: String,
        /// Their sections and functions.
        names: String,
    },
    /// No such one.
    #[error("`{object}` has no section and no function `{section}`")]
    #[diagnostic(code(segbox::no_such_section), help("{near}"))]
    NoSuchSection {
        /// The object.
        object: String,
        /// As written.
        section: String,
        /// What may have been meant.
        near: String,
    },
    /// A section of another kind of program.
    #[error("`{section}` is a program segbox has no place for")]
    #[diagnostic(
        code(segbox::no_such_hook),
        help("choose one in a section `lwt_seg6local` (for End.BPF) or `lwt_in` (for H.BPF)")
    )]
    NoSuchHook {
        /// Its ELF section.
        section: String,
    },
    /// End.BPF with lwt_in, or H.BPF with lwt_seg6local.
    #[error("the program `{program}` is made for `{has}`, and {behavior} runs `{wants}`")]
    #[diagnostic(code(segbox::wrong_hook), help("name a program in a section `{wants}` here"))]
    WrongHook {
        /// Its name.
        program: String,
        /// Its section's kind.
        has: &'static str,
        /// Who runs it.
        behavior: &'static str,
        /// What that runs.
        wants: &'static str,
    },
    /// No such global.
    #[error("`{object}` has no read-only global `{name}`")]
    #[diagnostic(code(segbox::no_such_global), help("{near}"))]
    NoSuchGlobal {
        /// The object.
        object: String,
        /// As written.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// No such map.
    #[error("`{object}` has no map `{name}`")]
    #[diagnostic(code(segbox::no_such_map), help("{near}"))]
    NoSuchMap {
        /// The object.
        object: String,
        /// As written.
        name: String,
        /// What may have been meant.
        near: String,
    },
    /// A map of a type that has no rows to fill.
    #[error("the map `{name}` is of a type that cannot be filled from a file")]
    #[diagnostic(code(segbox::map_not_filled), help("array, hash, LRU hash and LPM trie maps can; remove this table"))]
    NotFilled {
        /// The map.
        name: String,
    },
    /// Over the map's max_entries.
    #[error("{rows} rows are over the {most} that the map `{name}` takes")]
    #[diagnostic(code(segbox::too_many_rows), help("take rows out, or build the object with a larger map"))]
    TooManyRows {
        /// The map.
        name: String,
        /// As written.
        rows: usize,
        /// Its max_entries.
        most: u32,
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
    #[error("two rows of the map `{name}` have the same key")]
    #[diagnostic(code(segbox::row_twice), help("keep one of the two"))]
    RowTwice {
        /// The map.
        name: String,
    },
    /// A value of another type.
    #[error("`{name}` takes {wanted}, and this is {found}")]
    #[diagnostic(code(segbox::value_type), help("write {wanted}"))]
    ValueType {
        /// The global, map or field.
        name: String,
        /// From the object's types.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// A number its type doesn't hold.
    #[error("`{name}` cannot be {value}")]
    #[diagnostic(code(segbox::value_range), help("write a number from {min} to {max}"))]
    ValueRange {
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
    #[error("`{name}` takes {wanted} {unit}, and here are {found}")]
    #[diagnostic(code(segbox::value_length), help("write {wanted} {unit}"))]
    ValueLength {
        /// The global, map or field.
        name: String,
        /// What its type holds.
        wanted: usize,
        /// As written.
        found: usize,
        /// `bytes` or `elements`.
        unit: &'static str,
    },
    /// No such field.
    #[error("`{name}` has no field `{field}`")]
    #[diagnostic(code(segbox::no_such_field), help("{near}"))]
    NoSuchField {
        /// The global or map.
        name: String,
        /// As written.
        field: String,
        /// What may have been meant.
        near: String,
    },
}
