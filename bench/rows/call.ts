// The row `call`: calls of a guest and by a guest, beside the same calls of an instance with nothing around it. Each case has a loop of its
// own, written out: the engine keeps what it learns of a call with the text of the loop, and one for all would be slow for all.
import type { Process, Site } from '#runtime/index.js';
import { callingModule, WORK_URL } from '../calling-guest.ts';
import { warmRoundTrip } from '../floor/worker-floor.ts';
import { expectAnswer } from '../ground.ts';
import { work } from '../host-work.ts';
import { openTirelessSite } from '../marking-site.ts';
import type { Clocked } from '../measure.ts';
import { PlainWorkers } from '../plain-worker.ts';
import type { Point, Row } from '../row.ts';

type Add = (a: number, b: number) => number;
type CallHost = (rounds: number, sum: number) => number;

const GUEST = 'calling.wasm';
const operations = 10_000;
const TARGET = 1.5;
const IN_TURN = 10;
const targets = [{ than: 'floor', atMost: TARGET }] as const;
const INLINE = { placement: 'inline', importsUrl: WORK_URL } as const;

/** A plain instance; asked for its pid, it answers 1. */
class Plain {
  readonly add: Add;
  readonly callWork: CallHost;
  readonly callPid: CallHost;

  constructor(module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, { host: { work }, hr: { agetId: () => 1 } });
    const { add, callWork, callPid } = exports as Record<string, unknown>;
    this.add = add as Add;
    this.callWork = callWork as CallHost;
    this.callPid = callPid as CallHost;
  }
}

function boundAdd(process: Process): Add {
  return process.bind<[number, number], number>('add');
}

function calls(process: Process, module: WebAssembly.Module): Point {
  const bound = boundAdd(process);
  const { add } = new Plain(module);
  const byName: Clocked = {
    name: 'callSync, by name',
    operations,
    run: () => {
      let sum = 0;
      for (let call = 0; call < operations; call += 1) sum = process.callSync('add', [sum, 1]) as number;
      expectAnswer(sum, operations);
    },
  };
  return {
    name: 'host to guest, inline',
    ours: {
      name: 'bound function',
      operations,
      run: () => {
        let sum = 0;
        for (let call = 0; call < operations; call += 1) sum = bound(sum, 1);
        expectAnswer(sum, operations);
      },
    },
    floors: [
      {
        name: 'bare export',
        operations,
        run: () => {
          let sum = 0;
          for (let call = 0; call < operations; call += 1) sum = add(sum, 1);
          expectAnswer(sum, operations);
        },
      },
    ],
    peers: [byName],
    targets,
  };
}

function callsInTurn(processes: readonly Process[], module: WebAssembly.Module): Point {
  const bound = processes.map(boundAdd);
  const plain = processes.map(() => new Plain(module).add);
  return {
    name: `host to guest, inline, ${IN_TURN} in turn`,
    ours: {
      name: 'bound functions',
      operations,
      run: () => {
        let sum = 0;
        for (let round = 0; round < operations / IN_TURN; round += 1)
          for (const add of bound) sum = add(sum, 1);
        expectAnswer(sum, operations);
      },
    },
    floors: [
      {
        name: 'bare exports',
        operations,
        run: () => {
          let sum = 0;
          for (let round = 0; round < operations / IN_TURN; round += 1)
            for (const add of plain) sum = add(sum, 1);
          expectAnswer(sum, operations);
        },
      },
    ],
    targets: [],
  };
}

/** A loop in the guest. `each`: what each call answers. */
function loop(name: string, callHost: CallHost, each: number): Clocked {
  return { name, operations, run: () => expectAnswer(callHost(operations, 0), operations * each) };
}

function callsOfHost(own: Process, mainThread: Process, module: WebAssembly.Module): readonly Point[] {
  const plain = new Plain(module);
  const bare = loop('bare import', plain.callWork, work(1, 1));
  const bind = (process: Process, name: string): CallHost => process.bind<[number, number], number>(name);
  return [
    {
      name: 'guest to host, import module',
      ours: loop('function of importsUrl', bind(own, 'callWork'), work(1, 1)),
      floors: [bare],
      targets,
    },
    {
      name: 'guest to host, function of the main thread',
      ours: loop('function of imports', bind(mainThread, 'callWork'), work(1, 1)),
      floors: [bare],
      targets,
    },
    {
      name: 'guest to host, hr',
      ours: loop('agetId', bind(own, 'callPid'), own.pid),
      floors: [loop('bare import', plain.callPid, 1)],
      targets,
    },
  ];
}

async function threadCall(site: Site, workers: PlainWorkers): Promise<Point> {
  const process = await site.arun(GUEST, { placement: 'thread', importsUrl: WORK_URL });
  await process.ready();
  return {
    name: 'host to guest, thread',
    ours: { name: 'call', run: async () => expectAnswer(await process.call('add', [1, 2]), 3) },
    floors: [warmRoundTrip(workers)],
    targets,
  };
}

export const call: Row = {
  id: 'call',
  title: 'one call and its answer',
  share: 8,
  run: async ({ modules, measure }) => {
    const bytes = callingModule();
    modules.add(GUEST, bytes);
    const module = new WebAssembly.Module(bytes);
    await using site = await openTirelessSite(modules, { warmWorkers: 1 });
    await using workers = new PlainWorkers();
    const single = await site.arun(GUEST, INLINE);
    const mainThread = await site.arun(GUEST, {
      placement: 'inline',
      imports: { host: { work: (a, b) => work(Number(a), Number(b)) } },
    });
    const inTurn: Process[] = [];
    for (let count = 0; count < IN_TURN; count += 1) inTurn.push(await site.arun(GUEST, INLINE));
    return await measure([
      calls(single, module),
      callsInTurn(inTurn, module),
      await threadCall(site, workers),
      ...callsOfHost(single, mainThread, module),
    ]);
  },
};
