// SQLite as a guest, as examples/sqlite-guest.c makes one of it: statements in and answers out, in any placement, since nothing but
// numbers cross the border. It holds nothing of the guest, and is good for as long as the process is.

/** Bytes of a statement that go over in one call, as i64 numbers. */
const PIECE_BYTES = 32;
const NUMBER_BYTES = 8;

export class SqliteError extends Error {
  /** SQLite's result code. */
  code;

  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class SqliteGuest {
  #process;

  /** A process in which the database is open: one that has come back to a checkpoint. */
  constructor(process) {
    this.#process = process;
  }

  /** Opens the database in a process that has been initialised and nothing more. */
  static async begin(process) {
    const code = await process.call('sqlite_open');
    if (code !== 0) throw new SqliteError(code, `the database cannot be opened: result ${code}`);
    return new SqliteGuest(process);
  }

  /**
   * Runs statements, one call after another has been answered. Resolves with the rows of all of them, a line each, columns joined by '|'. Rejects with a SqliteError, and with
   * what a call rejects with.
   */
  async run(statements) {
    const bytes = Buffer.from(statements);
    const padded = Buffer.alloc(Math.ceil((bytes.length + 1) / PIECE_BYTES) * PIECE_BYTES);
    bytes.copy(padded);
    for (let offset = 0; offset < padded.length; offset += PIECE_BYTES) {
      const numbers = [0, 1, 2, 3].map((index) => padded.readBigInt64LE(offset + index * NUMBER_BYTES));
      const code = await this.#process.call('sqlite_piece', numbers);
      if (code !== 0) throw new SqliteError(code, 'the statements are too long');
    }
    const code = await this.#process.call('sqlite_run');
    const answer = await this.#answer();
    if (code !== 0) throw new SqliteError(code, answer);
    return answer;
  }

  async #answer() {
    const pieces = [];
    for (let offset = 0; ; offset += NUMBER_BYTES) {
      const piece = Buffer.alloc(NUMBER_BYTES);
      piece.writeBigInt64LE(await this.#process.call('sqlite_answer', [offset]));
      const end = piece.indexOf(0);
      pieces.push(end < 0 ? piece : piece.subarray(0, end));
      if (end >= 0) return Buffer.concat(pieces).toString();
    }
  }
}
