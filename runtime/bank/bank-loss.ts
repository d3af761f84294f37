// What was found missing or damaged when a bank was opened, as plain data. Nothing is lost without one of these.

/**
 * `superblock-copy`, `ledger-copy`: one of two copies, made whole again from the other; but a `ledger-copy` of the name `acknowledgement`
 * is the note of the last transaction in both, so that some at the end may be missing. `content`: the file of the content was too
 * short. `process-image`: the module of processes, which are lost with it. `process`: a process; its group goes on without it.
 * `generation`: one generation of a process, which falls back to the one before. `file`: a file of a volume, by one of its names.
 */
export interface BankLoss {
  readonly kind:
    | 'superblock-copy'
    | 'ledger-copy'
    | 'content'
    | 'process-image'
    | 'process'
    | 'generation'
    | 'file';
  /** Of the file, module or process. */
  readonly name: string;
  readonly reason: string;
}
