// Programs that nobody here has written: what it takes to start each of them, and what it takes to have it back at its checkpoint instead,
// both to the end of the same request. It must check every answer, and give back what it has started.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type ArunOptions, openSite, type Process, type Site } from '#runtime/index.js';
import { APPLICATION, SHORT_REQUEST } from '#test/support/quickjs-application.js';
import { QUICKJS_IMPORTS, QUICKJS_MODULE, QuickjsGuest } from '#test/support/quickjs-guest.js';
import { RUBY_ANSWER, RUBY_APPLICATION, RUBY_REQUEST } from '#test/support/ruby-application.js';
import { RUBY_IMPORTS, RUBY_MODULE, RubyGuest } from '#test/support/ruby-guest.js';
import {
  SQLITE_MODULE,
  SQLITE_OPTIONS,
  SqliteGuest,
  SUMMARY,
  sqliteStorage,
} from '#test/support/sqlite-guest.js';
import { type ModuleDirectory, NEVER_CLIMBS } from '../ground.ts';
import type { SelfTimed } from '../measure.ts';
import { ownTimes } from '../own-times.ts';
import type { Point, Row } from '../row.ts';

const US_PER_MS = 1000;
/** Ruby is there twice while it is started beside itself. */
const BANK_BYTES = 2 ** 30;
const START_GROUP = 2;

interface Program {
  readonly name: string;
  /** Path of the module. */
  readonly module: string;
  readonly options: ArunOptions;
  /** Brings a process that has just been started to where it serves, and gives what serves a request; that throws at a wrong answer. */
  readonly begin: (process: Process) => Promise<() => Promise<void>>;
  /** A call in which the guest traps. */
  readonly trap: (process: Process) => Promise<unknown>;
}

function expectText(answer: string, expected: string): void {
  if (answer !== expected) throw new Error(`the answer is ${answer}, not ${expected}`);
}

const quickjs: Program = {
  name: 'QuickJS',
  module: QUICKJS_MODULE,
  options: { placement: 'inline', importsUrl: QUICKJS_IMPORTS },
  begin: async (process) => {
    const guest = QuickjsGuest.begin(process);
    guest.text(`${APPLICATION}; ''`);
    return async () => expectText(String(guest.number(SHORT_REQUEST)), '10006');
  },
  trap: (process) => process.call('abort'),
};

const ruby: Program = {
  name: 'Ruby',
  module: RUBY_MODULE,
  options: { placement: 'inline', importsUrl: RUBY_IMPORTS },
  begin: async (process) => {
    const guest = RubyGuest.begin(process);
    guest.text(RUBY_APPLICATION);
    return async () => expectText(guest.text(RUBY_REQUEST), RUBY_ANSWER);
  },
  trap: (process) => process.call('cabi_post_rstring-ptr', [-16]),
};

const sqlite = (storage: string): Program => ({
  name: 'SQLite',
  module: join(storage, SQLITE_MODULE),
  options: { placement: 'inline', ...SQLITE_OPTIONS },
  begin: async (process) => {
    const database = await SqliteGuest.begin(process);
    await database.run('CREATE TABLE IF NOT EXISTS sales (id INTEGER PRIMARY KEY, item TEXT, cents INTEGER)');
    return async () => expectText(await database.run(SUMMARY), '0|0\nok');
  },
  trap: async (process) => new SqliteGuest(process).run('SELECT fail()'),
});

/** From `arun` of what `pathOf` names to the answer of the first request. */
function startUp(name: string, site: Site, program: Program, pathOf: () => string): SelfTimed {
  return ownTimes(name, async () => {
    const path = pathOf();
    const startMs = performance.now();
    const process = await site.arun(path, { ...program.options, group: START_GROUP });
    const serve = await program.begin(process);
    await serve();
    const elapsedUs = (performance.now() - startMs) * US_PER_MS;
    await site.killGroup(START_GROUP);
    return elapsedUs;
  });
}

const size = (name: string, bytes: number): SelfTimed => ({ name, slice: async () => [bytes] });

async function pointsOf(site: Site, modules: ModuleDirectory, program: Program): Promise<readonly Point[]> {
  const module = readFileSync(program.module);
  const file = `${program.name.toLowerCase()}.wasm`;
  modules.add(file, module);
  const process = await site.arun(file, { ...program.options, group: 1 });
  const serve = await program.begin(process);
  const before = site.report().bank.usedBytes;
  await process.checkpoint();
  const imageBytes = site.report().bank.usedBytes - before;
  const started = [
    startUp('started, request', site, program, () => basename(modules.addUnseen(program.module))),
    startUp('started again, module known, request', site, program, () => file),
  ];
  return [
    {
      name: `${program.name}, restore`,
      ours: {
        name: 'restore, request',
        run: async () => {
          process.restoreSync();
          await serve();
        },
      },
      peers: started,
      targets: [],
    },
    {
      name: `${program.name}, request`,
      ours: { name: 'request after a restore', prepare: () => process.restoreSync(), run: serve },
      targets: [],
    },
    {
      name: `${program.name}, fault`,
      ours: {
        name: 'trap, restart, request',
        run: async () => {
          const failed = await program.trap(process).then(
            () => false,
            () => true,
          );
          if (!failed) throw new Error(`${program.name} did not fail`);
          await process.ready();
          await serve();
        },
      },
      peers: started,
      targets: [],
    },
    {
      name: `${program.name}, sizes`,
      unit: 'bytes',
      ours: size('image', imageBytes),
      peers: [size('module', module.length)],
      targets: [],
    },
  ];
}

const ALL = ['QuickJS', 'SQLite', 'Ruby'] as const;

async function programOf(name: (typeof ALL)[number]): Promise<Program> {
  if (name === 'SQLite') return sqlite(await sqliteStorage());
  return name === 'Ruby' ? ruby : quickjs;
}

/** Of some of the programs. */
export function guestsRow(names: readonly (typeof ALL)[number][]): Row {
  return {
    id: 'guests',
    title:
      'from a program that has served a request, back at its checkpoint, to the answer of the next request; beside its start-up',
    share: 8,
    run: async ({ modules, measure }) => {
      await using site = await openSite({
        stableStorage: modules.path,
        policy: NEVER_CLIMBS,
        limits: { bankSizeBytes: BANK_BYTES },
      });
      const points: Point[] = [];
      for (const name of names) points.push(...(await pointsOf(site, modules, await programOf(name))));
      return await measure(points);
    },
  };
}

export const guests: Row = guestsRow(ALL);
