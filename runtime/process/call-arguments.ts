// Checks a call against the type of the exported function before anything reaches the guest. It converts nothing: what passes
// here is what WebAssembly takes as it is.
import { printable } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import type { ExportedFunction, ValueType } from '../image/layout.ts';
import type { Argument, CallRequest, ReturnKind } from './program.ts';

const RETURN_KINDS: readonly ReturnKind[] = ['value', 'string', 'strings', 'array'];
const I32_MIN = -(2 ** 31);
const U32_MAX = 2 ** 32 - 1;
const I64_MIN = -(2n ** 63n);
const U64_MAX = 2n ** 64n - 1n;

/** Why `argument` cannot be handed over as `type`; null when it can. Strings and arrays go as pointers, which are i32. */
function mismatch(argument: Argument | undefined, type: ValueType): string | null {
  switch (type) {
    case 'i32': {
      if (typeof argument === 'string') return null;
      if (ArrayBuffer.isView(argument)) return argument instanceof DataView ? 'is no typed array' : null;
      if (Array.isArray(argument))
        return argument.every((each) => typeof each === 'string') ? null : 'is not an array of strings';
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

/** Throws EXPORT_MISSING or ARGUMENT_INVALID, naming the function and the argument. */
export function checkCall(
  processName: string,
  functions: ReadonlyMap<string, ExportedFunction>,
  exportName: string,
  args: readonly Argument[],
  returns: ReturnKind,
): CallRequest {
  const culprit = `${processName} ${exportName}`;
  const exported = functions.get(exportName);
  if (exported === undefined) throw new RekindleError('EXPORT_MISSING', culprit);
  const { params, results } = exported.type;
  if (!Array.isArray(args))
    throw new RekindleError('ARGUMENT_INVALID', culprit, 'the arguments are not an array');
  if (args.length !== params.length) {
    throw new RekindleError(
      'ARGUMENT_INVALID',
      culprit,
      `takes ${params.length} arguments, not ${args.length}`,
    );
  }
  // By the parameters, so that a hole in the arguments is met as what it is: undefined.
  for (const [index, type] of params.entries()) {
    const problem = mismatch(args[index], type);
    if (problem !== null)
      throw new RekindleError('ARGUMENT_INVALID', culprit, `argument ${index} ${problem}`);
  }
  if (!RETURN_KINDS.includes(returns)) {
    throw new RekindleError('ARGUMENT_INVALID', culprit, `cannot return as ${printable(returns)}`);
  }
  const unreadable = results.find((type) => type === 'v128' || type === 'externref' || type === 'funcref');
  if (unreadable !== undefined) {
    throw new RekindleError('ARGUMENT_INVALID', culprit, `returns ${unreadable}, which the host cannot take`);
  }
  return { exportName, args: [...args], returns };
}
