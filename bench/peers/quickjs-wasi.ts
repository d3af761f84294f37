// quickjs-wasi as one uses it: a machine restored from its own snapshot, and a fresh one that runs its application again. The module is
// compiled once for both; a machine must be given up before the next one, as its owner would.
import { readFileSync } from 'node:fs';
import { QuickJS } from 'quickjs-wasi';
import { QUICKJS_MODULE } from '#test/support/quickjs-guest.js';
import { expectAnswer } from '../ground.ts';
import type { Clocked } from '../measure.ts';

export interface QuickjsWork {
  /** What is evaluated once, before the snapshot. */
  readonly application: string;
  /** What is evaluated after each restore, and the number it must come to. */
  readonly request: string;
  readonly answer: number;
}

export interface QuickjsPeers {
  readonly restored: Clocked;
  readonly fresh: Clocked;
}

export const RESTORED_NAME = 'quickjs-wasi: restore, eval';
export const FRESH_NAME = 'quickjs-wasi: fresh VM, init, eval';

export async function quickjsPeers({ application, request, answer }: QuickjsWork): Promise<QuickjsPeers> {
  const wasm = new WebAssembly.Module(readFileSync(QUICKJS_MODULE));
  using original = await QuickJS.create({ wasm });
  original.evalCode(application).dispose();
  const snapshot = original.snapshot();
  const serve = (machine: QuickJS): void => expectAnswer(machine.evalCode(request).toNumber(), answer);
  return {
    restored: {
      name: RESTORED_NAME,
      run: async () => {
        using machine = await QuickJS.restore(snapshot, { wasm });
        serve(machine);
      },
    },
    fresh: {
      name: FRESH_NAME,
      run: async () => {
        using machine = await QuickJS.create({ wasm });
        machine.evalCode(application).dispose();
        serve(machine);
      },
    },
  };
}
