// Extism on the same guest: a new plug-in for every call, and its reset. The reset frees what host and plug-in exchange and leaves the guest
// as it is: it must not be taken for a restore, and its answers are checked for that.

import { expectAnswer } from '../ground.ts';
import type { Clocked } from '../measure.ts';
import { compileFile } from '../plain-guest.ts';
import { touchedSum } from '../resident-guest.ts';
import type { GuestTask } from './guest-task.ts';

export interface ExtismPeers {
  readonly newPlugin: Clocked;
  readonly reset: Clocked;
}

type CreatePlugin = typeof import('@extism/extism')['createPlugin'];
type Plugin = Awaited<ReturnType<CreatePlugin>>;

async function call(plugin: Plugin, { exportName, args }: GuestTask): Promise<unknown> {
  // A call by Extism hands over no arguments.
  const exported = (await plugin.getInstance()).exports[exportName];
  if (typeof exported !== 'function') throw new Error(`the guest does not export ${exportName}`);
  return exported(...args);
}

/** `task` calls `touch` of a resident guest for `pageCount` pages. */
export async function extismPeers(task: GuestTask, pageCount: number): Promise<ExtismPeers> {
  // Loaded here, for it makes Node warn of its WASI.
  const { createPlugin } = await import('@extism/extism');
  const module = compileFile(task.path);
  const begin = async (): Promise<Plugin> => {
    const plugin = await createPlugin({ wasm: [{ module }] }, { useWasi: false });
    await plugin.call('_initialize');
    return plugin;
  };
  const kept = await begin();
  let calls = 0;
  return {
    newPlugin: {
      name: 'extism: new plug-in',
      run: async () => {
        const plugin = await begin();
        expectAnswer(await call(plugin, task), task.answer);
        await plugin.close();
      },
    },
    reset: {
      name: 'extism: reset (restores nothing)',
      run: async () => {
        if (!(await kept.reset())) throw new Error('Extism refused to reset');
        expectAnswer(await call(kept, task), touchedSum(pageCount, calls));
        calls += 1;
      },
    },
  };
}
