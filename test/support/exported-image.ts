// An image exported straight from an instance of a prepared module, without a site: for tests of what becomes of one kind of state. The
// instance is started here as a site would start it, and memory is put in place by hand.
import { firstMemory } from '#runtime/image/first-state.js';
import { exportModule } from '#runtime/image/image-export.js';
import { type GivenGlobals, makeGlobal } from '#runtime/image/imported-globals.js';
import { StateAccess } from '#runtime/image/instance-state.js';
import { prepareModule } from '#runtime/image/prepare.js';

const PAGE_BYTES = 65_536;
const NO_BYTES = new Uint8Array(0);

export interface StartedModule {
  readonly instance: WebAssembly.Instance;
  /** The present state as a module. */
  readonly exported: (imports?: 'trap' | 'keep') => Uint8Array<ArrayBuffer>;
}

/** Prepared, instantiated, brought to its first state; its start function has run. */
export function startModule(
  bytes: Uint8Array,
  imports: WebAssembly.Imports = {},
  quotaPages = 256,
  globals: GivenGlobals = {},
): StartedModule {
  const { bytes: module, ...prepared } = prepareModule(bytes, 'm.wasm', {
    memoryQuotaBytes: quotaPages * PAGE_BYTES,
    globals,
  });
  const { layout, first } = prepared;
  const provided = { ...imports };
  for (const global of layout.globalImports ?? [])
    provided[global.module] = { ...provided[global.module], [global.name]: makeGlobal(global) };
  const instance = new WebAssembly.Instance(prepared.module, provided);
  const memory = layout.memory && instance.exports[layout.memory.exportName];
  const content = (): Uint8Array | null =>
    memory instanceof WebAssembly.Memory ? new Uint8Array(memory.buffer) : null;
  const state = new StateAccess(instance, layout);
  state.restore(first.state);
  (content() ?? NO_BYTES).set(firstMemory(first, 'm.wasm'));
  const start = layout.start && instance.exports[layout.start];
  if (typeof start === 'function') start();
  return {
    instance,
    exported: (kept = 'trap') =>
      exportModule({
        processName: 'm',
        module,
        layout,
        state: state.capture('m'),
        memory: content(),
        imports: kept,
      }),
  };
}

/** An instance of a module that imports nothing, or what is given. */
export function instanceOf(
  bytes: Uint8Array<ArrayBuffer>,
  imports: WebAssembly.Imports = {},
): WebAssembly.Instance {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
}
