// The instance generation 0 is taken from: its segments have been applied, and it has run nothing else. It must never run guest code:
// start functions are left out.
import { RekindleError } from '../errors.ts';
import { BANK_PAGE_SIZE } from '../limits.ts';
import { endOfContent } from '../memory/zero-pages.ts';
import { StateAccess } from './instance-state.ts';
import type { ModuleLayout } from './layout.ts';

export interface FirstInstance {
  readonly access: StateAccess;
  readonly memory: Uint8Array;
  readonly storedBytes: number;
}

/** Throws MODULE_MALFORMED, MODULE_OVER_QUOTA or MODULE_UNSUPPORTED. */
export function firstInstance(
  module: WebAssembly.Module,
  layout: ModuleLayout,
  modulePath: string,
): FirstInstance {
  const neverCalled = (): never => {
    throw new RekindleError('MODULE_UNSUPPORTED', modulePath, 'a segment initialiser called an import');
  };
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name } of layout.functionImports)
    imports[from] = { ...imports[from], [name]: neverCalled };
  let access: StateAccess;
  let instance: WebAssembly.Instance;
  try {
    instance = new WebAssembly.Instance(module, imports);
    access = new StateAccess(instance, layout);
    access.initialize();
  } catch (cause) {
    if (cause instanceof WebAssembly.RuntimeError) {
      throw new RekindleError('MODULE_MALFORMED', modulePath, `its segments do not fit: ${cause.message}`, {
        cause,
      });
    }
    if (cause instanceof RangeError) {
      throw new RekindleError(
        'MODULE_OVER_QUOTA',
        modulePath,
        `the engine has no room for it: ${cause.message}`,
        { cause },
      );
    }
    throw cause;
  }
  const exported = layout.memory === null ? null : instance.exports[layout.memory.exportName];
  const memory = exported instanceof WebAssembly.Memory ? new Uint8Array(exported.buffer) : new Uint8Array(0);
  const allPages = { firstPage: 0, pageCount: memory.length / BANK_PAGE_SIZE };
  return { access, memory, storedBytes: endOfContent(memory, [allPages], 0) };
}
