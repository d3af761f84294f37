// The part of WASI preview 1 that the guest library needs: raw addresses in, errno out. The compiler takes the import module
// from the name of this file, hence its underscores; it must hold nothing but functions of that module.

export declare function args_sizes_get(count: usize, sizeBytes: usize): i32;
export declare function args_get(pointers: usize, bytes: usize): i32;
export declare function environ_sizes_get(count: usize, sizeBytes: usize): i32;
export declare function environ_get(pointers: usize, bytes: usize): i32;
export declare function clock_time_get(clockId: i32, precisionNs: i64, timeNs: usize): i32;
export declare function random_get(bytes: usize, sizeBytes: usize): i32;
export declare function fd_write(descriptor: i32, vectors: usize, vectorCount: usize, written: usize): i32;
export declare function proc_exit(status: i32): void;
