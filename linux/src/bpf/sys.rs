//! The bpf(2) calls of segbox (kernel/bpf/syscall.c), one function each. Not here: their purposes.
#![expect(unsafe_code, reason = "bpf(2) takes its arguments as pointers in a union; rustix and libc have no wrapper")]

use std::ffi::{CStr, c_char};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use aya_obj::generated::{
    bpf_attach_type, bpf_attr, bpf_btf_info, bpf_cmd, bpf_insn, bpf_link_info, bpf_map_info, bpf_map_type,
    bpf_prog_info,
};
use segbox_config::model::XdpMode;

/// Creates a map as an object defines it (BPF_MAP_CREATE). Some map types refuse BTF ids: those get none.
pub(crate) fn create_map(
    definition: &aya_obj::Map,
    name: &str,
    max_entries: u32,
    btf: Option<BorrowedFd<'_>>,
    inner: Option<BorrowedFd<'_>>,
) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.__bindgen_anon_1.map_type = definition.map_type();
    // A ring buffer has neither (ringbuf_map_alloc). The value type in its definition is for the readers.
    if definition.map_type() != bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32 {
        attr.__bindgen_anon_1.key_size = definition.key_size();
        attr.__bindgen_anon_1.value_size = definition.value_size();
    }
    attr.__bindgen_anon_1.max_entries = max_entries;
    attr.__bindgen_anon_1.map_flags = definition.map_flags();
    attr.__bindgen_anon_1.map_extra = definition.map_extra();
    attr.__bindgen_anon_1.map_name = kernel_name(name);
    if let Some(inner) = inner {
        attr.__bindgen_anon_1.inner_map_fd = inner.as_raw_fd() as u32;
    }
    if let (aya_obj::Map::Btf(map), Some(btf)) = (definition, btf) {
        let mut with_btf = attr;
        with_btf.__bindgen_anon_1.btf_fd = btf.as_raw_fd() as u32;
        with_btf.__bindgen_anon_1.btf_key_type_id = map.def.btf_key_type_id;
        with_btf.__bindgen_anon_1.btf_value_type_id = map.def.btf_value_type_id;
        // SAFETY: BPF_MAP_CREATE takes no pointer.
        if let Ok(map) = unsafe { call_for_fd(bpf_cmd::BPF_MAP_CREATE, &mut with_btf) } {
            return Ok(map);
        }
    }
    // SAFETY: BPF_MAP_CREATE takes no pointer.
    unsafe { call_for_fd(bpf_cmd::BPF_MAP_CREATE, &mut attr) }
}

/// Reads a row; false where there is none. `value` is as long as a value of the map, or as the values of all CPUs of a per-CPU map.
pub(crate) fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
    let mut attr = row(map, key.as_ptr());
    attr.__bindgen_anon_2.__bindgen_anon_1.value = value.as_mut_ptr() as u64;
    // SAFETY: the caller's slices are as long as the map's keys and values.
    found(unsafe { call(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attr) })
}

/// Creates or replaces a row (BPF_ANY).
pub(crate) fn update(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<()> {
    let mut attr = row(map, key.as_ptr());
    attr.__bindgen_anon_2.__bindgen_anon_1.value = value.as_ptr() as u64;
    // SAFETY: the caller's slices are as long as the map's keys and values.
    unsafe { call(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
}

/// Removes a row; false where there was none.
pub(crate) fn delete(map: BorrowedFd<'_>, key: &[u8]) -> io::Result<bool> {
    let mut attr = row(map, key.as_ptr());
    // SAFETY: the caller's slice is as long as the map's keys.
    found(unsafe { call(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut attr) })
}

/// The key after `key` in the map's order, the first for None; false after the last.
pub(crate) fn next_key(map: BorrowedFd<'_>, key: Option<&[u8]>, next: &mut [u8]) -> io::Result<bool> {
    let mut attr = row(map, key.map_or(std::ptr::null(), <[u8]>::as_ptr));
    attr.__bindgen_anon_2.__bindgen_anon_1.next_key = next.as_mut_ptr() as u64;
    // SAFETY: the caller's slices are as long as the map's keys.
    found(unsafe { call(bpf_cmd::BPF_MAP_GET_NEXT_KEY, &mut attr) })
}

/// Makes a map read-only for user space. With BPF_F_RDONLY_PROG the verifier then knows its content as constants. Linux 5.2.
pub(crate) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = row(map, std::ptr::null());
    // SAFETY: BPF_MAP_FREEZE takes no pointer.
    unsafe { call(bpf_cmd::BPF_MAP_FREEZE, &mut attr) }.map(drop)
}

/// Loads the types of an object into the kernel.
pub(crate) fn load_btf(btf: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.__bindgen_anon_7.btf = btf.as_ptr() as u64;
    attr.__bindgen_anon_7.btf_size = btf.len() as u32;
    // SAFETY: the pointer and the size are one slice's.
    unsafe { call_for_fd(bpf_cmd::BPF_BTF_LOAD, &mut attr) }
}

/// A program for BPF_PROG_LOAD.
pub(crate) struct NewProgram<'a> {
    pub(crate) kind: u32,
    /// XDP: frames may be in several pieces (BPF_F_XDP_HAS_FRAGS, Linux 5.18). Ports with a large MTU take no other program.
    pub(crate) takes_fragments: bool,
    pub(crate) name: &'a str,
    pub(crate) license: &'a CStr,
    pub(crate) instructions: &'a [bpf_insn],
    /// Types, functions and source lines; the records' sizes are aya-obj's (8 and 16 bytes).
    pub(crate) debug: Option<DebugInfo<'a>>,
}

/// The functions and source lines of a program.
pub(crate) struct DebugInfo<'a> {
    pub(crate) btf: BorrowedFd<'a>,
    pub(crate) functions: &'a [u8],
    pub(crate) lines: &'a [u8],
}

/// BPF_F_XDP_HAS_FRAGS (include/uapi/linux/bpf.h).
const HAS_FRAGS: u32 = 1 << 5;

/// sizeof(struct bpf_func_info), sizeof(struct bpf_line_info).
const FUNCTION_RECORD: usize = 8;
const LINE_RECORD: usize = 16;

/// Loads a program (BPF_PROG_LOAD). An empty `log` asks for no log. The kernel answers ENOSPC if the log does not fit.
pub(crate) fn load_program(program: &NewProgram<'_>, log: &mut [u8]) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.__bindgen_anon_3.prog_type = program.kind;
    attr.__bindgen_anon_3.prog_flags = if program.takes_fragments { HAS_FRAGS } else { 0 };
    attr.__bindgen_anon_3.prog_name = kernel_name(program.name);
    attr.__bindgen_anon_3.license = program.license.as_ptr() as u64;
    attr.__bindgen_anon_3.insns = program.instructions.as_ptr() as u64;
    attr.__bindgen_anon_3.insn_cnt = program.instructions.len() as u32;
    if let Some(debug) = &program.debug {
        attr.__bindgen_anon_3.prog_btf_fd = debug.btf.as_raw_fd() as u32;
        attr.__bindgen_anon_3.func_info = debug.functions.as_ptr() as u64;
        attr.__bindgen_anon_3.func_info_cnt = (debug.functions.len() / FUNCTION_RECORD) as u32;
        attr.__bindgen_anon_3.func_info_rec_size = FUNCTION_RECORD as u32;
        attr.__bindgen_anon_3.line_info = debug.lines.as_ptr() as u64;
        attr.__bindgen_anon_3.line_info_cnt = (debug.lines.len() / LINE_RECORD) as u32;
        attr.__bindgen_anon_3.line_info_rec_size = LINE_RECORD as u32;
    }
    if !log.is_empty() {
        attr.__bindgen_anon_3.log_level = 1;
        attr.__bindgen_anon_3.log_buf = log.as_mut_ptr() as u64;
        attr.__bindgen_anon_3.log_size = log.len() as u32;
    }
    // SAFETY: every pointer and its count are one slice's, and the slices outlive the call.
    unsafe { call_for_fd(bpf_cmd::BPF_PROG_LOAD, &mut attr) }
}

/// Pins a map or program in a bpffs.
pub(crate) fn pin(object: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    let mut attr = zeroed();
    attr.__bindgen_anon_4.pathname = path.as_ptr() as u64;
    attr.__bindgen_anon_4.bpf_fd = object.as_raw_fd() as u32;
    // SAFETY: the path is a C string.
    unsafe { call(bpf_cmd::BPF_OBJ_PIN, &mut attr) }.map(drop)
}

/// Opens a pin.
pub(crate) fn open_pin(path: &CStr) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.__bindgen_anon_4.pathname = path.as_ptr() as u64;
    // SAFETY: the path is a C string.
    unsafe { call_for_fd(bpf_cmd::BPF_OBJ_GET, &mut attr) }
}

/// Puts a program at the way out of a port (BPF_LINK_CREATE, BPF_TCX_EGRESS). It stays as long as the link. Linux 6.6.
pub(crate) fn link_tcx_egress(program: BorrowedFd<'_>, port: u32) -> io::Result<OwnedFd> {
    let mut attr = zeroed();
    attr.link_create.__bindgen_anon_1.prog_fd = program.as_raw_fd() as u32;
    attr.link_create.__bindgen_anon_2.target_ifindex = port;
    attr.link_create.attach_type = bpf_attach_type::BPF_TCX_EGRESS as u32;
    // SAFETY: BPF_LINK_CREATE takes no pointer for this type.
    unsafe { call_for_fd(bpf_cmd::BPF_LINK_CREATE, &mut attr) }
}

/// Puts a program at the way in of a port (BPF_LINK_CREATE, BPF_XDP). It stays as long as the link. Linux 5.9.
pub(crate) fn link_xdp(program: BorrowedFd<'_>, port: u32, mode: XdpMode) -> io::Result<OwnedFd> {
    /// XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE (include/uapi/linux/if_link.h).
    const GENERIC: u32 = 1 << 1;
    const NATIVE: u32 = 1 << 2;
    let mut attr = zeroed();
    attr.link_create.__bindgen_anon_1.prog_fd = program.as_raw_fd() as u32;
    attr.link_create.__bindgen_anon_2.target_ifindex = port;
    attr.link_create.attach_type = bpf_attach_type::BPF_XDP as u32;
    attr.link_create.flags = match mode {
        XdpMode::Native => NATIVE,
        XdpMode::Generic => GENERIC,
    };
    // SAFETY: BPF_LINK_CREATE takes no pointer for this type.
    unsafe { call_for_fd(bpf_cmd::BPF_LINK_CREATE, &mut attr) }
}

/// Puts another program in the place of a link's (BPF_LINK_UPDATE): no packet is without one.
pub(crate) fn replace_in_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = zeroed();
    attr.link_update.link_fd = link.as_raw_fd() as u32;
    attr.link_update.__bindgen_anon_1.new_prog_fd = program.as_raw_fd() as u32;
    // SAFETY: BPF_LINK_UPDATE takes no pointer.
    unsafe { call(bpf_cmd::BPF_LINK_UPDATE, &mut attr) }.map(drop)
}

/// Takes a link's program away at once (BPF_LINK_DETACH). Without it the kernel does so some time after the last descriptor and pin are gone.
pub(crate) fn detach_link(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = zeroed();
    attr.link_detach.link_fd = link.as_raw_fd() as u32;
    // SAFETY: BPF_LINK_DETACH takes no pointer.
    unsafe { call(bpf_cmd::BPF_LINK_DETACH, &mut attr) }.map(drop)
}

/// The index of the port of such a link; 0 where the port is gone.
pub(crate) fn port_of_link(link: BorrowedFd<'_>) -> io::Result<u32> {
    // SAFETY: bpf_link_info is plain integers for this type of link, as the kernel writes it.
    let info: bpf_link_info = unsafe { info(link) }?;
    // SAFETY: any bytes are integers. The index of an XDP link is at the same place.
    Ok(unsafe { info.__bindgen_anon_1.tcx.ifindex })
}

/// The properties of a map.
pub(crate) fn map_info(map: BorrowedFd<'_>) -> io::Result<bpf_map_info> {
    // SAFETY: bpf_map_info is plain integers, as the kernel writes it.
    unsafe { info(map) }
}

/// The properties of a program.
pub(crate) fn program_info(program: BorrowedFd<'_>) -> io::Result<bpf_prog_info> {
    // SAFETY: bpf_prog_info is plain integers, as the kernel writes it; all its pointers are zero and so not followed.
    unsafe { info(program) }
}

/// The types that a program was loaded with; None where it has none.
pub(crate) fn btf_of_program(program: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    let id = program_info(program)?.btf_id;
    if id == 0 {
        return Ok(None);
    }
    let mut attr = zeroed();
    attr.__bindgen_anon_6.__bindgen_anon_1.btf_id = id;
    // SAFETY: BPF_BTF_GET_FD_BY_ID takes no pointer.
    let btf = unsafe { call_for_fd(bpf_cmd::BPF_BTF_GET_FD_BY_ID, &mut attr) }?;
    // Without a buffer the kernel reports the size. It never writes more than the buffer holds.
    // SAFETY: bpf_btf_info is plain integers, as the kernel writes it; all its pointers are zero and so not followed.
    let size = unsafe { info::<bpf_btf_info>(btf.as_fd()) }?.btf_size;
    let mut bytes = vec![0; size as usize];
    let mut answer =
        bpf_btf_info { btf: bytes.as_mut_ptr() as u64, btf_size: size, id: 0, name: 0, name_len: 0, kernel_btf: 0 };
    // SAFETY: plain integers; the one pointer leads to as many bytes as the size beside it.
    unsafe { info_into(btf.as_fd(), &mut answer) }?;
    Ok(Some(bytes))
}

/// Bytes of machine code of a program; 0 if the kernel interprets it.
///
/// # Errors
/// The descriptor is not that of a program.
pub fn jited_len(program: BorrowedFd<'_>) -> io::Result<u32> {
    Ok(program_info(program)?.jited_prog_len)
}

/// # Safety
/// `T` is the kernel's info structure for this kind of object.
unsafe fn info<T>(object: BorrowedFd<'_>) -> io::Result<T> {
    // SAFETY: the caller guarantees that T is plain integers, for which zero is a value.
    let mut answer: T = unsafe { std::mem::zeroed() };
    // SAFETY: the caller guarantees the type; zero pointers are not followed.
    unsafe { info_into(object, &mut answer) }?;
    Ok(answer)
}

/// # Safety
/// As for [`info`]; each pointer in `answer` leads to as much memory as `answer` says.
unsafe fn info_into<T>(object: BorrowedFd<'_>, answer: &mut T) -> io::Result<()> {
    let mut attr = zeroed();
    attr.info.bpf_fd = object.as_raw_fd() as u32;
    attr.info.info_len = size_of::<T>() as u32;
    attr.info.info = std::ptr::from_mut(answer) as u64;
    // SAFETY: the pointer and the length are those of `answer`; the caller guarantees the pointers in it.
    unsafe { call(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr) }.map(drop)
}

/// The first 15 bytes of a name. Characters that the kernel refuses become `_` (bpf_obj_name_cpy accepts alphanumerics, `_`, `.`).
fn kernel_name(name: &str) -> [c_char; 16] {
    let mut short = [0; 16];
    for (to, byte) in short[..15].iter_mut().zip(name.bytes()) {
        let fine = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        *to = if fine { byte } else { b'_' } as c_char;
    }
    short
}

fn row(map: BorrowedFd<'_>, key: *const u8) -> bpf_attr {
    let mut attr = zeroed();
    attr.__bindgen_anon_2.map_fd = map.as_raw_fd() as u32;
    attr.__bindgen_anon_2.key = key as u64;
    attr
}

fn zeroed() -> bpf_attr {
    // SAFETY: bpf_attr is a union of structures of integers, for which zero is a value. The kernel requires unused bytes to be zero.
    unsafe { std::mem::zeroed() }
}

fn found(answer: io::Result<i64>) -> io::Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// # Safety
/// As for [`call`]; the command returns a new file descriptor.
unsafe fn call_for_fd(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: guaranteed by the caller.
    let fd = unsafe { call(command, attr) }?;
    // SAFETY: the kernel has just made it for this process.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// The verifier returns EAGAIN if a signal arrives while it works. libbpf tries five times too.
const TRIES: u32 = 5;

/// # Safety
/// Each pointer in the union's member for this command leads to memory that is as long as the command expects.
unsafe fn call(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i64> {
    let mut tries = TRIES;
    loop {
        // SAFETY: the union has this size, and the caller guarantees its pointers.
        let answer =
            unsafe { libc::syscall(libc::SYS_bpf, command as libc::c_int, &raw mut *attr, size_of::<bpf_attr>()) };
        if answer >= 0 {
            return Ok(answer);
        }
        let error = io::Error::last_os_error();
        tries -= 1;
        if tries == 0 || !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) {
            return Err(error);
        }
    }
}
