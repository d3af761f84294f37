// The files of a bank as its other parts see them: a flat directory of plain files, and nothing about how they are kept.
// It must never name a system call or a path outside the directory: whoever holds a `BankFiles` can reach that bank and nothing else.

/**
 * One file of a bank. Where the system refuses, every method throws RekindleError, unless it says otherwise: BANK_FULL for want of
 * space, BANK_UNAVAILABLE for everything else. The culprit is the path.
 */
export interface BankFile extends Disposable {
  /** The present one: a rename is followed. */
  readonly name: string;
  /** For mappings, and for other threads of this process. */
  readonly fd: number;
  /** As the system says it now. */
  sizeBytes(): number;
  /** Fewer bytes where the file ends. */
  read(offset: number, sizeBytes: number): Uint8Array;
  /** Throws BANK_FULL when there is no space. Writes all of it or throws. */
  write(bytes: Uint8Array, offset: number): void;
  /** Makes sure that the range has pages, and the file longer where it ends before; false, and as long as before, when there is no space. */
  reserve(offset: number, sizeBytes: number): boolean;
  /** Gives the pages of a range back; it reads as zero from then on. The file keeps its size. */
  release(offset: number, sizeBytes: number): void;
  /** Says that bytes were stored through a mapping of the file: nothing to do on a real one; who keeps account of a bank's steps notes them. */
  stored(bytes: Uint8Array, offset: number): void;
  resize(sizeBytes: number): void;
  /** What has been written, through mappings too, is on the medium when this returns. */
  sync(): void;
  /** False once nobody can open the file by its name any more. */
  isLinked(): boolean;
  /** Takes the file's lock for as long as it is open; false when someone else has it, in this process or another. Does not wait. */
  tryLock(): boolean;
}

/** The files of one bank: a flat directory. Its files are closed one by one, before it is. */
export interface BankFiles extends Disposable {
  readonly path: string;
  list(): readonly string[];
  /** Null when there is no such file. BANK_FOREIGN when it is not a plain file of our own. */
  open(name: string): BankFile | null;
  /** A new empty file (mode 0600), in place of one of that name. */
  create(name: string): BankFile;
  /** The file of that name, a new empty one when there is none: never one in place of another. Refuses what `open` refuses. */
  openOrCreate(name: string): BankFile;
  rename(from: string, to: string): void;
  /** No error when there is none. */
  remove(name: string): void;
  /** Names and renames are on the medium when this returns. */
  sync(): void;
}
