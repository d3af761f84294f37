// Turns a module as it was loaded into one whose instances can be captured and restored whole. One prepared module serves for
// a first start and for a restore alike: instantiating it runs no guest code and writes nothing the guest can see.
import { RekindleError } from '../errors.ts';
import { checkEngineLimits } from './engine-limits.ts';
import type { ModuleLayout } from './layout.ts';
import { emitModule } from './module-emitter.ts';
import { checkPreamble, parseModule } from './module-parser.ts';
import { planPreparation } from './preparation-plan.ts';

export interface PrepareOptions {
  /** Linear memory the guest may have, in bytes; written into the module as its maximum, in whole pages. */
  readonly memoryQuotaBytes: number;
}

export interface PreparedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly layout: ModuleLayout;
}

/**
 * Rewrites a module by sections; function indices, offsets within functions and custom sections stay what they were.
 * To start it: instantiate, run `layout.initializer`, run `layout.start` (StateAccess does the first of the two).
 *
 * @param moduleName the path, named as the culprit in errors.
 * @throws RekindleError MODULE_MALFORMED, MODULE_UNSUPPORTED or MODULE_OVER_QUOTA.
 */
export function prepareModule(
  bytes: Uint8Array,
  moduleName: string,
  options: PrepareOptions,
): PreparedModule {
  checkPreamble(bytes, moduleName);
  const own = ownBytes(bytes);
  if (!WebAssembly.validate(own)) throw malformed(own, moduleName);
  const structure = parseModule(own, moduleName);
  const plan = planPreparation(structure, moduleName, options.memoryQuotaBytes);
  checkEngineLimits(structure, plan, moduleName);
  return { bytes: emitModule(structure, plan, moduleName), layout: Object.freeze(plan.layout) };
}

/** The engine reads from private memory only: bytes that others may change while it looks are copied first. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(bytes);
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
