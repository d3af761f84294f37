// A line of commands that was not done, as plain data: what a site reports of its sysadm.ini. Nothing in it is live, and nothing of it may
// break or forge a line of a console.

/** A line that was not done, or not whole. */
export interface CommandFailure {
  /** From 1; 0 when it is the file as a whole that was refused, and no line was run. */
  readonly line: number;
  /** The line as it stands there, made printable and cut when it is long; empty for the file as a whole. */
  readonly command: string;
  /** `CODE: culprit: detail`, made printable likewise. */
  readonly reason: string;
}
