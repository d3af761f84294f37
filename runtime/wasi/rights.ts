// The rights a descriptor carries, as the bits WASI preview 1 gives them. A guest can only ever give rights up; it must never get one
// back, nor one that the kind of thing behind the descriptor has no use for.

export const FD_DATASYNC = 1 << 0;
export const FD_READ = 1 << 1;
export const FD_SEEK = 1 << 2;
export const FD_FDSTAT_SET_FLAGS = 1 << 3;
export const FD_SYNC = 1 << 4;
export const FD_TELL = 1 << 5;
export const FD_WRITE = 1 << 6;
export const FD_ADVISE = 1 << 7;
export const FD_ALLOCATE = 1 << 8;
export const PATH_CREATE_DIRECTORY = 1 << 9;
export const PATH_CREATE_FILE = 1 << 10;
export const PATH_LINK_SOURCE = 1 << 11;
export const PATH_LINK_TARGET = 1 << 12;
export const PATH_OPEN = 1 << 13;
export const FD_READDIR = 1 << 14;
export const PATH_READLINK = 1 << 15;
export const PATH_RENAME_SOURCE = 1 << 16;
export const PATH_RENAME_TARGET = 1 << 17;
export const PATH_FILESTAT_GET = 1 << 18;
/** To open with `truncate`; preview 1 has no function of that name. */
export const PATH_FILESTAT_SET_SIZE = 1 << 19;
export const PATH_FILESTAT_SET_TIMES = 1 << 20;
export const FD_FILESTAT_GET = 1 << 21;
export const FD_FILESTAT_SET_SIZE = 1 << 22;
export const FD_FILESTAT_SET_TIMES = 1 << 23;
export const PATH_SYMLINK = 1 << 24;
export const PATH_REMOVE_DIRECTORY = 1 << 25;
export const PATH_UNLINK_FILE = 1 << 26;
export const POLL_FD_READWRITE = 1 << 27;

export const FILE_RIGHTS =
  FD_DATASYNC |
  FD_READ |
  FD_SEEK |
  FD_FDSTAT_SET_FLAGS |
  FD_SYNC |
  FD_TELL |
  FD_WRITE |
  FD_ADVISE |
  FD_ALLOCATE |
  FD_FILESTAT_GET |
  FD_FILESTAT_SET_SIZE |
  FD_FILESTAT_SET_TIMES |
  POLL_FD_READWRITE;

export const DIRECTORY_RIGHTS =
  FD_DATASYNC |
  FD_SYNC |
  FD_FDSTAT_SET_FLAGS |
  PATH_CREATE_DIRECTORY |
  PATH_CREATE_FILE |
  PATH_LINK_SOURCE |
  PATH_LINK_TARGET |
  PATH_OPEN |
  FD_READDIR |
  PATH_READLINK |
  PATH_RENAME_SOURCE |
  PATH_RENAME_TARGET |
  PATH_FILESTAT_GET |
  PATH_FILESTAT_SET_SIZE |
  PATH_FILESTAT_SET_TIMES |
  FD_FILESTAT_GET |
  FD_FILESTAT_SET_TIMES |
  PATH_SYMLINK |
  PATH_REMOVE_DIRECTORY |
  PATH_UNLINK_FILE;

/** What may be passed on to what is opened in a directory. */
export const INHERITABLE_RIGHTS = DIRECTORY_RIGHTS | FILE_RIGHTS;

const STREAM_RIGHTS = FD_FDSTAT_SET_FLAGS | FD_FILESTAT_GET | POLL_FD_READWRITE;
export const INPUT_RIGHTS = STREAM_RIGHTS | FD_READ;
export const OUTPUT_RIGHTS = STREAM_RIGHTS | FD_WRITE;

/** The i64 of an import. Bits beyond those that mean anything are dropped. */
export function rightsFrom(value: bigint): number {
  return Number(BigInt.asUintN(30, value));
}
