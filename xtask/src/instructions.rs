//! Counts the BPF instructions of each Rust program and of its peer in C: the cost of the language.
//!
//! The peers are in `fastpath-ebpf/c` and make the same checks and the same helper calls. Both are compiled by the same
//! LLVM for the same instruction set. The benchmark's programs are not part of the product: they have no peers and are not
//! counted.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::programs::PRODUCT;
use crate::toolchain::Toolchain;
use crate::{ebpf, elf, process, workspace};

/// A program and its two counts.
struct Count {
    name: String,
    rust: usize,
    c: usize,
}

/// Counts, prints the table, and fails if Rust costs more anywhere.
///
/// # Errors
/// A count is higher, a peer is missing or does not compile, or the programs do not build.
pub(crate) fn check() -> Result<(), Failure> {
    let counts = count(&Toolchain::find()?)?;
    print!("{}", table(&counts));
    let over: Vec<_> = counts.iter().filter(|count| count.rust > count.c).map(|count| count.name.as_str()).collect();
    if over.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("more instructions in Rust than in C: {}", over.join(", ")),
        "the Rust code makes the compiler do something that the C code does not",
        "compare the two with `llvm-objdump -d target/bpf/NAME.o` and `target/ebpf/c/NAME.o`",
    ))
}

/// Counts, and writes docs/instruction-counts.md.
///
/// # Errors
/// As [`check`], except that a higher count is written down and no error.
pub(crate) fn write() -> Result<(), Failure> {
    let toolchain = Toolchain::find()?;
    let counts = count(&toolchain)?;
    let page = page(&toolchain, &counts)?;
    let path = workspace::root().join("docs/instruction-counts.md");
    fs::write(&path, page).map_err(|error| Failure::file("write", &path, &error))?;
    print!("{}", table(&counts));
    Ok(())
}

fn count(toolchain: &Toolchain) -> Result<Vec<Count>, Failure> {
    ebpf::run()?;
    let clang = toolchain.llvm_tool("clang")?;
    let sources = PRODUCT.source().join("c");
    let peers = workspace::target().join("ebpf/c");
    fs::create_dir_all(&peers).map_err(|error| Failure::file("create", &peers, &error))?;
    let count = |name: String| {
        let peer = peers.join(format!("{name}.o"));
        process::run(
            Command::new(&clang)
                .args(C_FLAGS)
                // Debian keeps asm/types.h in the host's directory, where clang does not look for BPF.
                .arg("-idirafter")
                .arg(format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH))
                .arg("-c")
                .arg(sources.join(format!("{name}.c")))
                .arg("-o")
                .arg(&peer),
            "every program has a peer in fastpath-ebpf/c; it needs libbpf's headers (Debian: apt-get install libbpf-dev)",
        )?;
        let rust = instructions(&PRODUCT.object(&name))?;
        Ok(Count { rust, c: instructions(&peer)?, name })
    };
    // What segbox loads by itself (tc_, xdp_) has no peer: nobody writes it anew in C.
    let is_own = |name: &String| ["tc_", "xdp_"].iter().any(|prefix| name.starts_with(prefix));
    PRODUCT.names()?.into_iter().filter(|name| !is_own(name)).map(count).collect()
}

const C_FLAGS: [&str; 6] = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall"];

fn instructions(object: &Path) -> Result<usize, Failure> {
    let bytes = fs::read(object).map_err(|error| Failure::file("read", object, &error))?;
    elf::instructions(&bytes).map_err(|error| {
        Failure::new(format!("cannot count {}", object.display()), error.to_string(), "fix the program's source")
    })
}

fn table(counts: &[Count]) -> String {
    let mut text = String::from("| program | Rust | C |\n|---|---:|---:|\n");
    for Count { name, rust, c } in counts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {rust} | {c} |");
    }
    text
}

fn page(toolchain: &Toolchain, counts: &[Count]) -> Result<String, Failure> {
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let clang = process::output(Command::new(toolchain.llvm_tool("clang")?).arg("--version"), "report this")?;
    let date = process::output(Command::new("date").args(["-u", "+%Y-%m-%d"]), "install coreutils")?;
    let (rustc, clang, table) = (first_line(toolchain.version.clone()), first_line(clang), table(counts));
    let flags = C_FLAGS.join(" ");
    Ok(format!(
        "# Instruction counts\n\n\
         What a packet's program costs in BPF instructions, in Rust and in C. The C programs are in `fastpath-ebpf/c`; they\n\
         make the same checks and the same helper calls. `./dev test` fails if a Rust program has more than its peer.\n\n\
         {table}\n\
         Counted are the instructions of the program's section as the kernel counts them: eight bytes each, so the load of\n\
         a 64-bit constant counts as two. Code that loops is counted once, as it lies in the object.\n\n\
         Command: `cargo xtask instructions`. Made on {date} with {rustc}, optimisation level 2, and\n\
         {clang}, `{flags}`.\n"
    ))
}
