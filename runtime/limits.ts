// Every limit of a site in one place, each with its reason. Nothing else in the runtime holds a number that bounds a resource.

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of one WebAssembly page. */
export const WASM_PAGE_SIZE = 64 * KiB;
/** Bytes of one page of persistent memory; the operating system's page on every platform the mapped backend knows. */
export const BANK_PAGE_SIZE = 4 * KiB;

/** Limits the embedder may set when a site is opened (reference, sections 4.3 and 12). */
export interface Limits {
  /** Bytes of the bank. ChorusOS: pmm.rambankSize. */
  readonly bankSizeBytes: number;
  /** Blocks recorded at one time, system blocks included. ChorusOS: pmm.maxBlocks. */
  readonly maxBlocks: number;
  /** Restartable processes registered at one time. ChorusOS: hrCtrl.maxProcesses. */
  readonly maxProcesses: number;
  /** Group IDs run from 0 to maxGroups - 1. ChorusOS: hrCtrl.maxGroups. */
  readonly maxGroups: number;
  /** Bytes of a module file. Larger ones are refused before they are read. */
  readonly maxModuleBytes: number;
  /** Linear memory of one process, in bytes, blocks included, when arun does not say. */
  readonly memoryQuotaBytes: number;
  /** Calls waiting for one process; one more is refused rather than queued without end. */
  readonly maxQueuedCalls: number;
  /** Worker threads of the site, idle ones included: each costs about 8 MB. */
  readonly maxWorkers: number;
  /** Generations kept of one process beside generation 0, the current one included; room for one more is needed while it is made. */
  readonly maxGenerations: number;
  /** Bytes of the bank that one volume may take, its table of files included: a guest that fills its own leaves the rest of the site room. */
  readonly volumeQuotaBytes: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  bankSizeBytes: 256 * MiB,
  maxBlocks: 4096,
  maxProcesses: 1024,
  maxGroups: 256,
  maxModuleBytes: 128 * MiB,
  memoryQuotaBytes: 256 * MiB,
  maxQueuedCalls: 1024,
  maxWorkers: 256,
  maxGenerations: 2,
  volumeQuotaBytes: 64 * MiB,
});

/** Upper bounds of the settable limits: what the formats and the engine can carry. */
export const LIMIT_BOUNDS: Readonly<Record<keyof Limits, { readonly min: number; readonly max: number }>> =
  Object.freeze({
    // The bank is one shared WebAssembly memory, at most 65535 pages.
    bankSizeBytes: { min: 1 * MiB, max: 65535 * WASM_PAGE_SIZE },
    maxBlocks: { min: 8, max: 1_000_000 },
    maxProcesses: { min: 1, max: 100_000 },
    maxGroups: { min: 1, max: 100_000 },
    // V8 refuses modules over 1 GiB.
    maxModuleBytes: { min: 8, max: 1024 * MiB },
    memoryQuotaBytes: { min: WASM_PAGE_SIZE, max: 65536 * WASM_PAGE_SIZE },
    maxQueuedCalls: { min: 1, max: 1_000_000 },
    maxWorkers: { min: 1, max: 4096 },
    maxGenerations: { min: 1, max: 16 },
    volumeQuotaBytes: { min: 64 * KiB, max: 65535 * WASM_PAGE_SIZE },
  });

/** Restarts of one group that are remembered by their times; more than any policy needs that is to trip at all. */
export const MAX_COUNTED_RESTARTS = 10_000;
/**
 * Appearances of blocks in linear memories, over all processes of a site. Each costs the host's process up to two kernel mappings, of
 * which Linux allows 65,530 (vm.max_map_count), and the engine cannot live without some.
 */
export const MAX_BLOCK_MAPPINGS = 16_384;
/** Module files whose content is remembered by its digest: a few hundred bytes each. */
export const MAX_KNOWN_FILES = 4096;
/** Import functions whose generated code a thread keeps: about a kilobyte each. */
export const MAX_KEPT_IMPORTS = 8192;
/** Entries of all tables of a module together: each costs the host about 8 bytes live and 4 in the image. */
export const MAX_TABLE_ENTRIES = 1_000_000;
/** Sections of a module, custom ones included: each costs a few hundred bytes while it is read, and compilers make twenty. */
export const MAX_MODULE_SECTIONS = 16_384;
/** Element segments of a module: each costs some hundred bytes while it is read. The engine takes as many data segments. */
export const MAX_ELEMENT_SEGMENTS = 100_000;
/** Entries of all element segments together: four times what tables may hold. */
export const MAX_ELEMENT_ENTRIES = 4_000_000;
/** Parameters and results of all functions that a module imports and exports: each is named in its layout. */
export const MAX_BORDER_TYPES = 1_000_000;
/** Bytes of a module that are read entry by entry before the engine has looked at it. Of a program of 30 MB it is less than one million. */
export const MAX_UNVALIDATED_ENTRY_BYTES = 1 * MiB;
/** Bytes of an exported image: engines take no larger module. */
export const MAX_EXPORTED_BYTES = 1024 * MiB;
/** Data segments of an exported image, those of its module included: engines take no more. */
export const MAX_EXPORTED_DATA_SEGMENTS = 100_000;
/** argv and envp of one process, in bytes together: what Linux calls ARG_MAX, smaller. */
export const MAX_ARGUMENT_BYTES = 128 * KiB;
/** Strings of argv, and of envp. */
export const MAX_ARGUMENT_COUNT = 1024;
/** Bytes of a path handed to hrfexec or arun, NUL included. */
export const MAX_PATH_BYTES = 1024;
/** Linear memory up to this size is restored by copying it whole: cheaper than any system call (measured, 256 KiB). */
export const WHOLE_COPY_MAX_BYTES = 256 * KiB;
/** Bytes a guest may write to the host in one call of fd_write or one console line. */
export const MAX_OUTPUT_BYTES = 1 * MiB;
/** A worker must answer a request that runs no guest code within this time, in milliseconds. */
export const WORKER_REPLY_TIMEOUT_MS = 10_000;
/** A guest in a worker waits at most this long for the host to serve one of its calls, in milliseconds. */
export const HOST_CALL_TIMEOUT_MS = 30_000;
/** Bytes of `sysadm.ini`: it is a list of commands, and larger than this it is something else. */
export const MAX_SYSADM_BYTES = 1024 * 1024;
/** Lines of it, empty ones included: each may cost a line on the console. */
export const MAX_SYSADM_LINES = 10_000;
/** Bytes of one line, its end not counted: arguments and environment of a process fit. */
export const MAX_LINE_BYTES = 64 * 1024;
/** Characters of a fault's message, and of a name in its frames: it may be a guest's own text, and it is kept and written down. */
export const MAX_FAULT_CHARACTERS = 1000;
/** Characters of the reason for which a group is in quarantine, as it is written down: a fault's message and what is said about it. */
export const MAX_REASON_CHARACTERS = 4 * MAX_FAULT_CHARACTERS;
/** Guests' output that waits for a slow reader of the host's standard streams, in bytes; what is more is left out, and said to be. */
export const MAX_PENDING_OUTPUT_BYTES = 4 * MiB;
/** Mounts of one guest: each takes one of its descriptors. */
export const MAX_MOUNTS = 64;
/** Bytes of an in-memory mount when nobody says; all of them go into every checkpoint of the guest. */
export const DEFAULT_MEMORY_MOUNT_BYTES = 16 * MiB;
/** The largest an in-memory mount may be: it lives in the host's own memory. */
export const MAX_MEMORY_MOUNT_BYTES = 256 * MiB;
/** Output of one stream that is kept for the embedder until it asks; the newest. */
export const MAX_CAPTURED_BYTES = 1 * MiB;
/** Pieces it is kept in, one a write, before they are made one: each costs some hundred bytes. */
export const MAX_CAPTURED_PIECES = 16_384;
/** Descriptors of one guest: each may cost the host one of its own. */
export const MAX_DESCRIPTORS = 512;
/** Vectors of one call of fd_read or fd_write, as on Linux (IOV_MAX): empty ones cost time without moving anything. */
export const MAX_IOVECS = 1024;
/** Bytes of a path that a guest hands to WASI, as on Linux (PATH_MAX). */
export const MAX_GUEST_PATH_BYTES = 4096;
/** Directories that are held open while one path is walked: real trees are a tenth as deep. */
export const MAX_PATH_DEPTH = 256;
/** Symbolic links that are followed in one path, as on Linux. */
export const MAX_SYMLINKS = 40;
/** Subscriptions of one poll_oneoff: a guest cannot have more descriptors, and one clock would do. */
export const MAX_SUBSCRIPTIONS = 1024;
/** A sleeping guest looks up after this time at the latest, in milliseconds: what is longer than a timer can be is slept in pieces. */
export const MAX_SLEEP_MS = 60_000;
/** A guest that waits for input asks again after this time, in milliseconds; less than HOST_CALL_TIMEOUT_MS. */
export const INPUT_WAIT_MS = 10_000;
/** Entries of a directory that are listed for a guest: each costs the host some 500 bytes while it is read. */
export const MAX_LISTED_ENTRIES = 100_000;
/** Entries of all listings that a guest is in the middle of reading, the dots included; what is more is listed anew when its reading goes on. */
export const MAX_HELD_ENTRIES = MAX_LISTED_ENTRIES + 2;
/** What a file, directory or link of an in-memory mount counts beside its content, in bytes: about what it costs the host. */
export const MEMORY_NODE_BYTES = 512;
/** Volumes of a site: each is made by whoever mounts it first, and is kept until the host removes it. */
export const MAX_VOLUMES = 256;
/** Names in one volume, over all its directories. A name and its file cost about 400 bytes of the host's memory and 150 of the ledger. */
export const MAX_VOLUME_NAMES = 65_536;
/** Names in all volumes together: with more the ledger would take a second to be written anew. */
export const MAX_NAMES_OF_SITE = 262_144;
/** Bytes of one component of a path in a volume or in memory, as on Linux (NAME_MAX). */
export const MAX_FILE_NAME_BYTES = 255;
/** Bytes of what a symbolic link in a volume leads to: what Linux takes. */
export const MAX_SYMLINK_BYTES = 4096;
/** Directories above one that is made in a volume, or moved to where it is: each is walked for that. */
export const MAX_DIRECTORY_DEPTH = 1024;
/** Files of volumes, and volumes, that one run has open: each is an entry in the books of the main thread. */
export const MAX_VOLUME_HANDLES = 4096;
/** Extents of one file: all of them are written down again when there is one more. Files that grow by a quarter need some sixty. */
export const MAX_FILE_EXTENTS = 1024;
/** Bytes that a file of a volume gets in advance at most, when it grows. */
export const MAX_GROWTH_BYTES = 1 * MiB;
/** Length of a file in a volume: what its entry in the table of files can say. The bank is smaller, but a file may have gaps. */
export const MAX_FILE_BYTES = 2 ** 32 - 1;
/** Bytes that a guest in a thread hands to the main thread at once, when it writes to a volume. */
export const MAX_VOLUME_PIECE_BYTES = 1 * MiB;
