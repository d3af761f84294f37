// A reactor that opens, reads and writes what is mounted for it, and its standard input, by the very calls of WASI. It must hold no more
// than they give: what it keeps of a file is its descriptor.
import {
  fd_close,
  fd_fdstat_get,
  fd_read,
  fd_write,
  path_open,
  poll_oneoff,
  proc_raise,
  random_get,
} from './imports/wasi_snapshot_preview1';

export { __stack_pointer } from 'memory';

const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
const CREATE: i32 = 1;
/** Of the first mount; the others follow. */
const FIRST_MOUNT: i32 = 3;
const BUFFER_BYTES: usize = 4096;

const words = memory.data(64, 16);
const buffer = memory.data(4096, 16);
const subscription = memory.data(48, 16);
const event = memory.data(32, 16);

/** The descriptor, or an errno below zero. */
export function open(mount: i32, path: string, create: bool): i32 {
  const name = String.UTF8.encode(path);
  const rights = create ? READ | WRITE : READ;
  const errno = path_open(
    FIRST_MOUNT + mount,
    0,
    changetype<usize>(name),
    name.byteLength,
    create ? CREATE : 0,
    rights | (1 << 2) | (1 << 5),
    0,
    0,
    words,
  );
  return errno === 0 ? load<i32>(words) : -errno;
}

/** How much was written, or an errno below zero. */
export function write(descriptor: i32, text: string): i32 {
  const bytes = String.UTF8.encode(text);
  store<usize>(words, changetype<usize>(bytes));
  store<usize>(words, bytes.byteLength, 4);
  const errno = fd_write(descriptor, words, 1, words + 8);
  return errno === 0 ? load<i32>(words, 8) : -errno;
}

/** What the next read gives, or `errno N`. */
export function read(descriptor: i32, maxBytes: i32): string {
  store<usize>(words, buffer);
  store<usize>(words, <usize>maxBytes < BUFFER_BYTES ? maxBytes : BUFFER_BYTES, 4);
  const errno = fd_read(descriptor, words, 1, words + 8);
  if (errno !== 0) return `errno ${errno}`;
  return String.UTF8.decodeUnsafe(buffer, load<usize>(words, 8));
}

/** The type of what it stands for, as preview 1 numbers them. */
export function filetype(descriptor: i32): i32 {
  const errno = fd_fdstat_get(descriptor, buffer);
  return errno === 0 ? load<u8>(buffer) : -errno;
}

export function close(descriptor: i32): i32 {
  return fd_close(descriptor);
}

/** A byte that differs from one seeding to the next, seldom by chance alone. */
export function random(): i32 {
  random_get(words, 4);
  return load<i32>(words);
}

export function raise(signal: i32): i32 {
  return proc_raise(signal);
}

/** Sleeps by the monotonic clock; an errno. */
export function sleep(milliseconds: i32): i32 {
  memory.fill(subscription, 0, 48);
  store<u32>(subscription, 1, 16);
  store<u64>(subscription, <u64>milliseconds * 1_000_000, 24);
  return poll_oneoff(subscription, event, 1, words);
}

export function trap(): void {
  unreachable();
}
