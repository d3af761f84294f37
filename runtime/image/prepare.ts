// Turns a module as it was loaded into one whose instances can be captured and restored whole. One prepared module serves for
// a first start and for a restore alike: instantiating it runs no guest code, and linear memory is empty until an image is put there.
import { RekindleError } from '../errors.ts';
import { compilePrepared } from './compile-prepared.ts';
import { checkEngineLimits } from './engine-limits.ts';
import { type FirstState, firstState } from './first-state.ts';
import type { GivenGlobals } from './imported-globals.ts';
import type { ModuleLayout } from './layout.ts';
import { emitModule } from './module-emitter.ts';
import { checkPreamble, parseModule } from './module-parser.ts';
import type { ModuleStructure } from './module-structure.ts';
import { type PreparationPlan, planPreparation } from './preparation-plan.ts';
import { MEMORY_MAX_PAGES } from './quota.ts';
import { isOutsized } from './section-survey.ts';

export interface PrepareOptions {
  /** Linear memory the guest may have, in bytes; written into the module as its maximum, in whole pages. */
  readonly memoryQuotaBytes: number;
  /** For the globals it imports. */
  readonly globals?: GivenGlobals;
}

export interface PreparedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Compiled from `bytes`. */
  readonly module: WebAssembly.Module;
  readonly layout: ModuleLayout;
  /** Of an instance that is ready and has run nothing; it shares bytes with the module as it was loaded. */
  readonly first: FirstState;
  /** Why no image of an instance would be whole, so that it can only be a plain process; null when it would. */
  readonly uncapturable: string | null;
}

/**
 * Rewrites a module by sections; function indices, offsets within functions and custom sections stay what they were.
 * To start it: instantiate, restore a state, run `layout.start`.
 *
 * @param moduleName the path, named as the culprit in errors.
 * @throws RekindleError MODULE_MALFORMED, MODULE_UNSUPPORTED or MODULE_OVER_QUOTA; IMPORT_UNRESOLVED or IMPORTS_INVALID for a global.
 */
export function prepareModule(
  bytes: Uint8Array,
  moduleName: string,
  options: PrepareOptions,
): PreparedModule {
  checkPreamble(bytes, moduleName);
  const own = ownBytes(bytes);
  try {
    return rewrite(own, moduleName, options);
  } catch (error) {
    // Whatever else is the matter with it: what the engine would not take as it is, is malformed.
    if (error instanceof RekindleError) requireValid(own, moduleName);
    throw error;
  }
}

/** Invariant: what is accepted here was valid before it was rewritten. */
function rewrite(
  own: Uint8Array<ArrayBuffer>,
  moduleName: string,
  { memoryQuotaBytes, globals = {} }: PrepareOptions,
): PreparedModule {
  // Before anything is made of its entries: there may be more of them than the host can hold.
  const isValidated = isOutsized(own, moduleName);
  if (isValidated) requireValid(own, moduleName);
  const structure = parseModule(own, moduleName);
  const plan = planPreparation(structure, moduleName, memoryQuotaBytes, globals);
  checkEngineLimits(structure, plan, moduleName);
  if (!isValidated && couldHideErrors(structure, plan)) requireValid(own, moduleName);
  const bytes = emitModule(structure, plan, moduleName);
  const module = compilePrepared(bytes, moduleName);
  const layout = Object.freeze(plan.layout);
  const first = firstState(structure, layout, moduleName);
  return { bytes, module, layout, first, uncapturable: plan.uncapturable };
}

/**
 * Whether the rewritten module may be valid where the module as it was loaded is not. Then the engine has to read both, which takes as
 * long as compiling. All other changes take nothing away that it checks: exports are added, maxima lowered, segments emptied.
 */
function couldHideErrors(
  { imports, startFunction, memories }: ModuleStructure,
  { functions, layout }: PreparationPlan,
): boolean {
  // Malformed code could name what is appended.
  if (functions.length > 0 || layout.functionTable !== null) return true;
  // A function that is exported may be referenced by code, which one that is only started may not; and nobody checks its type.
  if (startFunction !== null) return true;
  // Their entries are left out.
  if (imports.some(({ kind }) => kind !== 'function' && kind !== 'global')) return true;
  return memories.some(({ maximum }) => (maximum ?? 0) > MEMORY_MAX_PAGES);
}

/** The engine reads from private memory only: bytes that others may change while it looks are copied first. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(bytes);
}

function requireValid(bytes: Uint8Array<ArrayBuffer>, moduleName: string): void {
  if (!WebAssembly.validate(bytes)) throw malformed(bytes, moduleName);
}

/** `validate` gives no reason; compiling the same bytes does. */
function malformed(bytes: Uint8Array<ArrayBuffer>, moduleName: string): RekindleError {
  try {
    new WebAssembly.Module(bytes);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : undefined;
    return new RekindleError('MODULE_MALFORMED', moduleName, detail, { cause });
  }
  return new RekindleError('MODULE_MALFORMED', moduleName);
}
