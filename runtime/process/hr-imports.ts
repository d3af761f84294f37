// Import module `hr`: decodes the guest's structures and asks the Hot Restart Controller. All decisions are the controller's;
// every failure the guest can cause is an errno, never an exception.
import { E2BIG, EFAULT, EINVAL, ENAMETOOLONG, ENOTSUP } from '../../abi/errors.ts';
import {
  AC_PARAM_CRED_OFFSET,
  AC_PARAM_FIRST_PATH_OFFSET,
  AC_PARAM_FLAGS_OFFSET,
  AC_PARAM_PATH_COUNT,
  AC_PARAM_SIZE,
  CX_CRED_GID_OFFSET,
  CX_CRED_GROUPS_OFFSET,
  CX_CRED_MAX_GROUPS,
  CX_CRED_NGROUPS_OFFSET,
  CX_CRED_SIZE,
  CX_CRED_UID_OFFSET,
  KN_CAP_SIZE,
} from '../../abi/hr.ts';
import { MAX_ARGUMENT_BYTES, MAX_ARGUMENT_COUNT, MAX_PATH_BYTES } from '../limits.ts';
import type { ImportContext, ImportFunctions } from './import-context.ts';
import { BadAddress, BadString, bytesAt, stringAt, stringsAt, viewAt } from './linear-memory.ts';
import { blockNameAt } from './pmm-imports.ts';
import type { ExecRequest } from './services.ts';

/** A guest asked for something of the original that has no counterpart here. */
class Unsupported extends Error {}

type Parameters = Pick<ExecRequest, 'flags' | 'credentials'>;

/** Reads an AcParam (drawn in abi/hr.ts). */
function parametersAt(memory: Uint8Array, pointer: number): Parameters {
  if (pointer === 0) return { flags: 0, credentials: null };
  const view = viewAt(memory, pointer, AC_PARAM_SIZE);
  for (let path = 0; path < AC_PARAM_PATH_COUNT; path += 1) {
    if (view.getUint32(AC_PARAM_FIRST_PATH_OFFSET + 4 * path, true) !== 0) throw new Unsupported();
  }
  const credentialsPointer = view.getUint32(AC_PARAM_CRED_OFFSET, true);
  return {
    flags: view.getUint32(AC_PARAM_FLAGS_OFFSET, true),
    credentials: credentialsPointer === 0 ? null : credentialsAt(memory, credentialsPointer),
  };
}

/** Reads a cx_cred_t (drawn in abi/hr.ts). */
function credentialsAt(memory: Uint8Array, pointer: number): NonNullable<ExecRequest['credentials']> {
  const view = viewAt(memory, pointer, CX_CRED_SIZE);
  const groupCount = view.getUint32(CX_CRED_NGROUPS_OFFSET, true);
  if (groupCount > CX_CRED_MAX_GROUPS) throw new BadString('too-long');
  const groups = Array.from({ length: groupCount }, (_, i) =>
    view.getUint32(CX_CRED_GROUPS_OFFSET + 4 * i, true),
  );
  return {
    uid: view.getUint32(CX_CRED_UID_OFFSET, true),
    gid: view.getUint32(CX_CRED_GID_OFFSET, true),
    groups,
  };
}

/** Runs an import that answers with a number or a negative errno. `tooLong` is the errno of a string over its limit. */
function errnoResult(tooLong: number, body: () => number): number {
  try {
    return body();
  } catch (error) {
    if (error instanceof BadAddress) return -EFAULT;
    if (error instanceof BadString) return error.reason === 'too-long' ? -tooLong : -EINVAL;
    if (error instanceof Unsupported) return -ENOTSUP;
    throw error;
  }
}

/** What hrfexec is asked for, all but whom and what. */
function circumstancesAt(
  memory: Uint8Array,
  pointers: { readonly param: number; readonly argv: number; readonly envp: number },
  path: string,
): Omit<ExecRequest, 'name' | 'path'> {
  const strings = (pointer: number): readonly string[] =>
    stringsAt(memory, pointer, MAX_ARGUMENT_COUNT, MAX_ARGUMENT_BYTES);
  return {
    ...parametersAt(memory, pointers.param),
    args: pointers.argv === 0 ? [path] : strings(pointers.argv),
    env: pointers.envp === 0 ? null : strings(pointers.envp),
  };
}

/** The calls of reference section 3; signatures in abi/hr.ts. */
export function hrImports(context: ImportContext): ImportFunctions {
  return {
    hrfexec(
      namePointer: number,
      pathPointer: number,
      capabilityPointer: number,
      param: number,
      argv: number,
      envp: number,
    ): number {
      return errnoResult(ENAMETOOLONG, () => {
        const memory = context.memory();
        const name = blockNameAt(memory, namePointer);
        const path = stringAt(memory, pathPointer, MAX_PATH_BYTES);
        if (capabilityPointer !== 0) bytesAt(memory, capabilityPointer, KN_CAP_SIZE);
        return errnoResult(E2BIG, () => {
          const circumstances = circumstancesAt(memory, { param, argv, envp }, path);
          const pid = context.services.hrfexec({ name, path, ...circumstances });
          if (pid >= 0 && capabilityPointer !== 0) {
            crypto.getRandomValues(bytesAt(context.memory(), capabilityPointer, KN_CAP_SIZE));
          }
          return pid;
        });
      });
    },

    hrGetprocessGroup(pid: number): number {
      return context.services.hrGetprocessGroup(pid);
    },

    hrKillGroup(group: number): number {
      return context.services.hrKillGroup(group);
    },

    hrExitHdl(): number {
      context.installExitHandler();
      return 0;
    },

    hrCheckpoint(): number {
      return context.checkpointInCall();
    },

    agetId(): number {
      return context.pid();
    },
  };
}
