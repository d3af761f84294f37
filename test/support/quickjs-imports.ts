// The import module of QuickJS guests: what the module of quickjs-wasi imports beside WASI, in the least that will do. It is loaded in the
// guest's thread and keeps each guest's context for its host there; it must never answer anything that depends on the host.
import type { EmbedderContext, EmbedderImports } from '#runtime/index.js';

const contexts = new Map<string, EmbedderContext>();

/** The context of the process of that name, if its guest is in this thread. */
export function contextOf(processName: string): EmbedderContext {
  const context = contexts.get(processName);
  if (context === undefined) throw new Error(`${processName} has no context in this thread`);
  return context;
}

/** A QuickJS guest has one function of its host: whatever its name, it fails. */
function fail(): never {
  throw new Error('the host fails');
}

export default function quickjsImports(guest: EmbedderContext): EmbedderImports {
  contexts.set(guest.processName, guest);
  return {
    env: {
      host_call: fail,
      host_interrupt: () => 0,
      host_promise_rejection: () => undefined,
      host_module_normalize: () => 0,
      host_module_load: () => 0,
      host_get_timezone_offset: () => 0,
    },
  };
}
