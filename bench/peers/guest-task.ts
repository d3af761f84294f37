// What a peer is to do with a guest, as plain data: it is handed to child processes on their command line. Nothing here runs anything.

export interface GuestTask {
  /** Path of the module. It is initialised by `_initialize`, where it exports one, before its first call. */
  readonly path: string;
  /** The first call of a guest that has just been initialised, and what it must return. */
  readonly exportName: string;
  readonly args: readonly number[];
  readonly answer: number;
}
