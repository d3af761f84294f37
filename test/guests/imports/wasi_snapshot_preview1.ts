// The part of WASI preview 1 that guests of the tests call by themselves: raw addresses in, errno out. The compiler takes the import module
// from the name of this file, hence its underscores; it must hold nothing but functions of that module.

export declare function path_open(
  directory: i32,
  lookup: i32,
  path: usize,
  pathBytes: usize,
  flags: i32,
  rights: u64,
  inheriting: u64,
  descriptorFlags: i32,
  opened: usize,
): i32;
export declare function fd_read(descriptor: i32, vectors: usize, count: usize, read: usize): i32;
export declare function fd_write(descriptor: i32, vectors: usize, count: usize, written: usize): i32;
export declare function fd_fdstat_get(descriptor: i32, fdstat: usize): i32;
export declare function fd_close(descriptor: i32): i32;
export declare function proc_raise(signal: i32): i32;
export declare function poll_oneoff(subscriptions: usize, events: usize, count: usize, happened: usize): i32;
export declare function random_get(bytes: usize, sizeBytes: usize): i32;
