// An image exported straight from an instance of a prepared module, without a site: for tests of what becomes of one kind of state. The
// instance is started here as a site would start it, and memory is put in place by hand.
import { exportModule } from '#runtime/image/image-export.js';
import { type GivenGlobals, makeGlobal } from '#runtime/image/imported-globals.js';
import { exportedMemory } from '#runtime/image/instance-exports.js';
import { StateAccess } from '#runtime/image/instance-state.js';
import { prepareModule } from '#runtime/image/prepare.js';
import { firstMemories } from './first-memories.js';

const PAGE_BYTES = 65_536;

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
  const memories = layout.memories.map(({ exportName }) => exportedMemory(instance.exports, exportName));
  const contents = (): readonly Uint8Array[] => memories.map(({ buffer }) => new Uint8Array(buffer));
  const state = new StateAccess(instance, layout);
  state.restore(first.state);
  for (const [index, content] of firstMemories(first).entries()) contents()[index]?.set(content);
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
        memories: contents(),
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
