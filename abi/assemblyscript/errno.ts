// The error number of the last call that returned -1, as <errno.h> has it. A call that succeeds must not change it.

let lastErrno: i32 = 0;

/** Why the last call that returned -1 failed: one of the errno values of abi/errors.ts. */
export function errno(): i32 {
  return lastErrno;
}

/** Notes `code` and returns the -1 that the caller hands on. */
export function failWith(code: i32): i32 {
  lastErrno = code;
  return -1;
}

/** Turns what the host returns (a result, or a negated errno) into what C returns (the result, or -1 with errno set). */
export function resultOrErrno(result: i32): i32 {
  return result < 0 ? failWith(-result) : result;
}
