// The row `load`: a module the engine has never seen, from stable storage to a process that is ready, beside what plain Node takes to read,
// compile and instantiate it. No case may load bytes that were compiled before: the engine keeps compiled code by them.
import { readFileSync } from 'node:fs';
import type { Site } from '#runtime/index.js';
import type { ModuleDirectory } from '../ground.ts';
import { withFunctionsRepeated } from '../large-guest.ts';
import { openTirelessSite } from '../marking-site.ts';
import type { Clocked } from '../measure.ts';
import { compileFile } from '../plain-guest.ts';
import type { MeasuredPoint, Row } from '../row.ts';

/** Times as long as in plain Node. */
const TARGET = 1.3;
const PLAIN = 'plain Node';
const QUICKJS = new URL(import.meta.resolve('quickjs-wasi/quickjs.wasm'));
/** Of QuickJS's functions: 0.6 MB of them each time. */
const TIMES = 16;
const UNSEEN = 'unseen.wasm';
const GROUP = 1;

function doNothing(): number {
  return 0;
}

/** What QuickJS wants of its embedder; it asks for none of it before it is used. */
function embedderImports(path: string): Record<string, Record<string, () => number>> {
  const wanted = WebAssembly.Module.imports(compileFile(path)).filter(({ module }) => module === 'env');
  return wanted.length === 0 ? {} : { env: Object.fromEntries(wanted.map(({ name }) => [name, doNothing])) };
}

function ours(site: Site, modules: ModuleDirectory, path: string): Clocked {
  const imports = embedderImports(path);
  return {
    name: 'arun',
    prepare: async () => {
      await site.killGroup(GROUP);
      modules.addUnseen(path);
    },
    run: async () => {
      const guest = await site.arun(UNSEEN, { placement: 'inline', group: GROUP, imports });
      await guest.ready();
    },
  };
}

/** Imports that do nothing: less than any real embedder would give. */
function plain(modules: ModuleDirectory, path: string): Clocked {
  let unseen = path;
  return {
    name: PLAIN,
    prepare: () => {
      unseen = modules.addUnseen(path);
    },
    run: () => {
      const module = compileFile(unseen);
      const imports: Record<string, Record<string, () => number>> = {};
      for (const { module: from, name } of WebAssembly.Module.imports(module))
        imports[from] = { ...imports[from], [name]: doNothing };
      const { _initialize: initialize } = new WebAssembly.Instance(module, imports).exports;
      if (typeof initialize !== 'function') throw new Error('the guest has no entry point');
      initialize();
    },
  };
}

export const load: Row = {
  id: 'load',
  title: 'a module never seen before, from stable storage to ready',
  share: 14,
  run: async ({ modules, measure }) => {
    const quickjs = readFileSync(QUICKJS);
    await using site = await openTirelessSite(modules, { warmWorkers: 0 });
    const measured: MeasuredPoint[] = [];
    // One after another: in turns with the large ones the small would get few turns, and the garbage of all.
    for (const [name, share, path] of [
      ['10 kB', 0.2, modules.addSample('faulty.wasm')],
      ['0.6 MB', 0.3, modules.add('quickjs.wasm', quickjs)],
      ['10 MB', 0.5, modules.add('large.wasm', withFunctionsRepeated(quickjs, TIMES))],
    ] as const) {
      const peers = [plain(modules, path)];
      const targets = [{ than: 'peer', name: PLAIN, atMost: TARGET }] as const;
      measured.push(...(await measure([{ name, ours: ours(site, modules, path), peers, targets }], share)));
    }
    return measured;
  },
};
