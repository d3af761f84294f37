// The calls of the Hot Restart Controller as the host provides them: raw addresses in, pid or -errno out. The compiler
// takes the import module from the name of this file, so it must be called like HR_MODULE and hold nothing else.

/** Runs `path` as a restartable process of the caller's group: its pid, or -errno (reference, section 3.2). */
export declare function hrfexec(
  baseName: usize,
  path: usize,
  capability: usize,
  param: usize,
  argv: usize,
  envp: usize,
): i32;

/** The restart group of a process, or -errno (reference, section 3.8). */
export declare function hrGetprocessGroup(pid: i32): i32;

/** Kills a group for good: 0, or -errno (reference, section 3.8). */
export declare function hrKillGroup(group: i32): i32;

/** Takes the caller out of the controller's watch: 0 (reference, section 3.6). */
export declare function hrExitHdl(): i32;

/** Makes a new generation of the caller's executing image: its number, or -errno. */
export declare function hrCheckpoint(): i32;

/** The pid of the caller. */
export declare function agetId(): i32;
