// A reactor in Rust that counts its visits: in a block of persistent memory, which stays, and in a static variable, which goes back with
// every restore. It calls the host through a few `extern "C"` functions and must not need the standard library, so that it stays small.
#![no_std]

use core::panic::PanicInfo;
use core::ptr::{addr_of_mut, null_mut};

/// PmmName of abi/pmm.ts: two strings held inline, each with its NUL inside its field.
#[repr(C)]
pub struct PmmName {
    medium: [u8; 16],
    name: [u8; 64],
}

const K_OK: i32 = 0;
/// Ties a block to the caller's restart group; its size takes in the NUL.
const HR_GROUP_KEY: &[u8; 15] = b"__SYS_HR_GROUP\0";

#[link(wasm_import_module = "pmm")]
extern "C" {
    #[link_name = "pmmAllocate"]
    fn pmm_allocate(
        addr: *mut *mut i64,
        block_name: *const PmmName,
        mem_size: usize,
        del_key: *const u8,
        del_key_size: usize,
    ) -> i32;
}

#[link(wasm_import_module = "hr")]
extern "C" {
    /// The new generation, or a negated errno.
    #[link_name = "hrCheckpoint"]
    fn hr_checkpoint() -> i32;
}

/// Pads a text with NULs to the size of its field; one that does not fit does not compile.
const fn field<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let mut index = 0;
    assert!(text.len() < SIZE);
    while index < text.len() {
        bytes[index] = text.as_bytes()[index];
        index += 1;
    }
    bytes
}

static VISITS: PmmName = PmmName { medium: field("RAM"), name: field("RUST_VISITS") };

/// What a restart keeps, and what it puts back. The host runs one export at a time.
static mut TOTAL: *mut i64 = null_mut();
static mut VISITS_OF_THIS_RUN: i32 = 0;
static mut CAUSE: i32 = -1;

/// A Rust library has no start code of its own: this is the entry point of the reactor, which runs again after a restart.
#[no_mangle]
pub extern "C" fn _initialize() {
    let result = unsafe {
        pmm_allocate(
            addr_of_mut!(TOTAL),
            &VISITS,
            size_of::<i64>(),
            HR_GROUP_KEY.as_ptr(),
            HR_GROUP_KEY.len(),
        )
    };
    assert!(result == K_OK);
}

/// Counts a visit; the number of this run's.
#[no_mangle]
pub extern "C" fn visit() -> i32 {
    unsafe {
        *TOTAL += 1;
        VISITS_OF_THIS_RUN += 1;
        VISITS_OF_THIS_RUN
    }
}

/// All visits while the group lives.
#[no_mangle]
pub extern "C" fn total() -> i64 {
    unsafe { *TOTAL }
}

/// Makes a new generation from within a call: its number, or a negated errno.
#[no_mangle]
pub extern "C" fn checkpoint() -> i32 {
    unsafe { hr_checkpoint() }
}

/// Fails on purpose: the index is out of bounds, and a panic is a trap.
#[no_mangle]
pub extern "C" fn crash(index: i32) -> u8 {
    VISITS.name[index as usize]
}

/// Called by the host after a restart from a checkpoint.
#[no_mangle]
pub extern "C" fn hr_restarted(cause: i32) {
    unsafe { CAUSE = cause };
}

/// The cause of the last restart from a checkpoint; -1 when there was none.
#[no_mangle]
pub extern "C" fn lastCause() -> i32 {
    unsafe { CAUSE }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
