// The one error class of the public interface and the table of its codes. Codes are stable: callers compare them, so a code
// is never reused for another meaning. A guest's fault is not an error but a value; it only travels inside one.

/** Every code a RekindleError can carry, with what it means. */
export const ERROR_CODES = {
  OPTION_INVALID: 'an option or argument of the host interface is not acceptable',
  BACKEND_UNAVAILABLE: 'the memory backend asked for cannot run here',
  SYSTEM_CALL_FAILED: 'the operating system refused a call',
  SITE_CLOSED: 'the site has been closed',
  STORAGE_UNAVAILABLE: 'the stable-storage directory cannot be read',
  MODULE_PATH_REFUSED: 'the path leads out of stable storage or is not a plain relative path',
  MODULE_NOT_FOUND: 'stable storage holds no such file',
  MODULE_TOO_LARGE: 'the file is larger than the limit',
  MODULE_MALFORMED: 'the file is not a valid WebAssembly module',
  MODULE_UNSUPPORTED: 'the module uses something that cannot be kept in an image',
  MOUNT_UNAVAILABLE: 'a directory to be mounted for a guest cannot be used',
  IMAGE_DAMAGED: 'an executing image does not pass its own checks',
  MODULE_OVER_QUOTA: 'the module asks for more memory or table space than it may have',
  IMPORT_UNRESOLVED: 'the module imports something nobody provides',
  IMPORTS_INVALID: 'the embedder import module or object is not usable',
  NAME_INVALID: 'a process or block name is empty, too long or reserved',
  NAME_RUNNING: 'a process of this name is running',
  NAME_REGISTERED: 'the name is registered with another path or in another group',
  GROUP_LIMIT: 'the group ID is out of range or there are too many groups',
  PROCESS_LIMIT: 'there are too many registered processes',
  BANK_FULL: 'the bank has no space left',
  BANK_OWNED: 'another site has the bank open',
  BANK_UNAVAILABLE: 'the bank cannot be opened, read or written',
  BANK_FOREIGN: 'the directory or file is not a bank of this user',
  BANK_VERSION: 'the bank has a format version this Rekindle does not read',
  BANK_DAMAGED: 'the bank does not pass its own checks',
  BLOCK_LIMIT: 'the bank has no free block entry left',
  VOLUME_BUSY: 'somebody is using the volume',
  VOLUME_LIMIT: 'there are too many volumes or files, or the volume has no space left',
  PERMISSION_DENIED: 'the caller may not do this',
  PROCESS_UNKNOWN: 'there is no such process',
  PROCESS_ENDED: 'the process has ended',
  PROCESS_BUSY: 'the process is in the middle of a call and cannot take another one now',
  PROCESS_RESTARTING: 'the process is being restarted',
  PROCESS_RESTARTED: 'the process was restarted while the call was under way',
  GROUP_QUARANTINED: 'the group is quarantined',
  GUEST_FAULT: 'the guest failed in this call',
  EXPORT_MISSING: 'the guest exports no such function',
  ARGUMENT_INVALID: 'the arguments do not fit the function',
  CALL_QUEUE_FULL: 'too many calls are waiting for the process',
  PLACEMENT_UNSUITED: 'the operation needs another placement',
  CHECKPOINT_REFUSED: 'the state of the process cannot be captured',
  RESTORE_REFUSED: 'the process has made no checkpoint to go back to',
  WORKER_UNAVAILABLE: 'no worker thread could be started or reached in time',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What the world did wrong, or the caller. `culprit` names the path, process, import or option concerned. */
export class RekindleError extends Error {
  override readonly name = 'RekindleError';
  readonly code: ErrorCode;
  readonly culprit: string;

  constructor(code: ErrorCode, culprit: string, detail?: string, options?: { cause?: unknown }) {
    super(`${code}: ${culprit}: ${detail ?? ERROR_CODES[code]}`, options);
    this.code = code;
    this.culprit = culprit;
  }
}
