// The parts that no restart can do without, each alone: a call, a trap, a copy of the memory, a round trip to a worker. Beside them the
// calls that the site itself makes.
import { expectAnswer, openSites, type SiteOfBackend } from '../ground.ts';
import { compileFile, expectTrap, PlainGuest } from '../plain-guest.ts';
import { type PlainWorker, PlainWorkers } from '../plain-worker.ts';
import type { Case } from '../report.ts';
import { residentModule } from '../resident-guest.ts';
import type { Scenario } from '../scenario.ts';

const GUEST = 'counter.wasm';
const MIB = 1024 * 1024;
/** Short things are done so often for one sample that the clock can tell. */
const CALLS = 1000;
const TRAPS = 10;

function repeated(times: number, body: () => void): () => void {
  return () => {
    for (let time = 0; time < times; time += 1) body();
  };
}

function parts(module: WebAssembly.Module, worker: PlainWorker): readonly Case[] {
  const guest = new PlainGuest(module);
  const crash = guest.function('crash');
  const value = guest.function('value');
  const common = { subject: 'part', guest: 'counter', backend: null, role: 'measured' } as const;
  return [
    {
      ...common,
      name: 'floor.call',
      operations: CALLS,
      run: repeated(CALLS, () => expectAnswer(value(), 0)),
    },
    { ...common, name: 'floor.trap', operations: TRAPS, run: repeated(TRAPS, () => expectTrap(crash)) },
    { ...common, name: 'floor.roundtrip', run: () => worker.echo() },
  ];
}

function copy(guestName: string, module: WebAssembly.Module): Case {
  const guest = new PlainGuest(module);
  guest.keepCopy();
  return {
    name: 'floor.copy',
    subject: 'part',
    guest: guestName,
    backend: null,
    role: 'measured',
    run: () => guest.putBack(),
  };
}

async function calls({ site, backend }: SiteOfBackend): Promise<readonly Case[]> {
  const inline = await site.arun(GUEST, { group: 1, placement: 'inline' });
  const thread = await site.arun(GUEST, { group: 2, placement: 'thread' });
  const common = { subject: 'part', guest: 'counter', backend, role: 'measured' } as const;
  return [
    {
      ...common,
      name: 'call.inline',
      operations: CALLS,
      run: repeated(CALLS, () => expectAnswer(inline.callSync('value'), 0)),
    },
    { ...common, name: 'call.thread', run: async () => expectAnswer(await thread.call('value'), 0) },
  ];
}

export const floors: Scenario = {
  name: 'floors',
  share: 4,
  run: async ({ modules, measure }) => {
    const module = compileFile(modules.addSample(GUEST));
    await using sites = await openSites(modules.path, 0);
    await using workers = new PlainWorkers();
    return await measure([
      ...(await Promise.all(sites.all.map(calls))).flat(),
      ...parts(module, workers.start()),
      copy('counter', module),
      ...[1, 64].map((sizeMib) =>
        copy(`${sizeMib} MiB`, new WebAssembly.Module(residentModule(sizeMib * MIB))),
      ),
    ]);
  },
};
