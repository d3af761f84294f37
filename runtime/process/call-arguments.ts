// Checks a call against the type of the exported function before anything reaches the guest. It converts nothing: what passes
// here is what WebAssembly takes as it is.
import { printable } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import type { ExportedFunction, ValueType } from '../image/layout.ts';
import type { Argument, CallRequest, ReturnKind } from './program.ts';

export interface CompletedOptions {
  readonly returns: ReturnKind;
  /** Null: the limit of the process. */
  readonly limitMs: number | null;
}

/** Of a call for which nothing was said. */
export const PLAIN_CALL: CompletedOptions = Object.freeze({ returns: 'value', limitMs: null });

const RETURN_KINDS: readonly ReturnKind[] = ['value', 'string', 'strings', 'array'];
const READABLE: readonly ValueType[] = ['i32', 'i64', 'f32', 'f64'];
const I32_MIN = -(2 ** 31);
const U32_MAX = 2 ** 32 - 1;
const I64_MIN = -(2n ** 63n);
const U64_MAX = 2n ** 64n - 1n;

/** Why `argument` cannot be handed over as `type`; null when it can. Strings and arrays go as pointers, which are i32. */
function mismatch(argument: Argument | undefined, type: ValueType | undefined): string | null {
  switch (type) {
    case 'i32': {
      if (typeof argument === 'string') return null;
      if (ArrayBuffer.isView(argument)) return argument instanceof DataView ? 'is no typed array' : null;
      if (Array.isArray(argument))
        return argument.every((each) => typeof each === 'string')
          ? null
          : 'is an array of something else than strings: numbers go as a typed array';
      if (typeof argument !== 'number') return 'is not a number';
      const inRange = Number.isInteger(argument) && argument >= I32_MIN && argument <= U32_MAX;
      return inRange ? null : `${argument} is no 32-bit integer`;
    }
    case 'i64':
      if (typeof argument !== 'bigint') return 'is not a bigint';
      return argument >= I64_MIN && argument <= U64_MAX ? null : `${argument} is no 64-bit integer`;
    case 'f32':
    case 'f64':
      return typeof argument === 'number' ? null : 'is not a number';
    default:
      return `has type ${type}, which the host cannot hand over`;
  }
}

/** Throws EXPORT_MISSING. */
export function requireExport(
  processName: string,
  functions: ReadonlyMap<string, ExportedFunction>,
  exportName: string,
): ExportedFunction {
  const exported = functions.get(exportName);
  if (exported === undefined) throw new RekindleError('EXPORT_MISSING', `${processName} ${exportName}`);
  return exported;
}

/** Throws EXPORT_MISSING or ARGUMENT_INVALID, naming the function and the argument. */
export function checkCall(
  processName: string,
  functions: ReadonlyMap<string, ExportedFunction>,
  exportName: string,
  args: readonly Argument[],
  returns: ReturnKind,
): CallRequest {
  const { params, results } = requireExport(processName, functions, exportName).type;
  const refuse = (detail: string): never => {
    throw new RekindleError('ARGUMENT_INVALID', `${processName} ${exportName}`, detail);
  };
  if (!Array.isArray(args)) refuse('the arguments are not an array');
  if (args.length !== params.length) refuse(`takes ${params.length} arguments, not ${args.length}`);
  // By the parameters, so that a hole in the arguments is met as what it is: undefined.
  for (let index = 0; index < params.length; index += 1) {
    const problem = mismatch(args[index], params[index]);
    if (problem !== null) refuse(`argument ${index} ${problem}`);
  }
  if (!RETURN_KINDS.includes(returns)) refuse(`cannot return as ${printable(returns)}`);
  const unreadable = results.find((type) => !READABLE.includes(type));
  if (unreadable !== undefined) refuse(`returns ${unreadable}, which the host cannot take`);
  return { exportName, args: [...args], returns };
}
