// Exported images of whole processes: on an engine that is not Node's, in plain Node, and as processes of another site they answer as the
// process they were made of. Exporting leaves that process and the bank as they are, and what cannot be exported is refused by name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { exportImage, type Process } from '#runtime/index.js';
import { startModule } from '#test/support/exported-image.js';
import { runNode } from '#test/support/run-program.js';
import { DIAGONAL, inTime, rejection, SAMPLE_GUESTS, SiteUnderTest } from '#test/support/scenario.js';
import { assemble, ins, type ModuleSource } from '#test/support/wasm-assembler.js';
import type { Answer } from '#test/support/wasmtime-program.js';
import { callExport, ZOO } from '#test/unit/image/state-zoo.js';
import { SUBJECTS } from './oracle-subjects.js';

const WASMTIME = 'dist/test/support/wasmtime-program.js';
const GROUP = 3;

type NumberCall = readonly [name: string, ...args: number[]];

/** Guests whose calls take and return numbers alone, as Wasmtime's binding has it: an i64 as a number too, and no f32 as a result. */
interface NumberGuest {
  readonly path: string;
  readonly directory: string;
  readonly args: readonly string[];
  readonly before: readonly NumberCall[];
  readonly after: readonly NumberCall[];
}

const GUESTS: readonly NumberGuest[] = [
  {
    path: 'counter.wasm',
    directory: SAMPLE_GUESTS,
    args: ['40'],
    before: [['increment'], ['add', 7], ['increment']],
    after: [['value'], ['increment'], ['add', -50], ['total'], ['lastCause'], ['value']],
  },
  {
    path: 'counter-c.wasm',
    directory: SAMPLE_GUESTS,
    args: ['40'],
    before: [['increment'], ['add', 7], ['increment']],
    // On the heap, in static variables and in a block.
    after: [['increments'], ['additions'], ['value'], ['increment'], ['add', -50], ['total'], ['increments']],
  },
];

/** Puts what the host hands to it into a global. */
const HOLDER: ModuleSource = {
  types: [
    [[], ['externref']],
    [[], []],
  ],
  imports: [{ module: 'host', name: 'object', kind: 'function', type: 0 }],
  functions: [{ type: 1, code: [...ins.call(0), ...ins.globalSet(0)] }],
  globals: [{ type: 'externref', mutable: true, initializer: ins.refNull('externref') }],
  exports: { hold: ['function', 1] },
};

/** Wasmtime's binding has a binary for this platform in package-lock.json. */
const MUST_HAVE_WASMTIME = process.platform === 'linux' && process.arch === 'x64';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'rekindle-export-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function kept(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

async function onWasmtime(
  context: TestContext,
  bytes: Uint8Array,
  calls: readonly NumberCall[],
): Promise<(number | string | null)[]> {
  const { exitCode, stdout, stderr } = await runNode([
    WASMTIME,
    kept('wasmtime.wasm', bytes),
    JSON.stringify(calls),
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const answer = JSON.parse(stdout) as Answer;
  if (answer.kind === 'results') return [...answer.results];
  if (MUST_HAVE_WASMTIME) throw new Error(`Wasmtime does not load: ${answer.reason}`);
  return context.skip(`Wasmtime's binding has no binary for ${process.platform} ${process.arch}`);
}

async function callAll(guest: Process, calls: readonly NumberCall[]): Promise<number[]> {
  const results: number[] = [];
  for (const [name, ...args] of calls) results.push(Number(await guest.call(name, args)));
  return results;
}

function inPlainNode(bytes: Uint8Array<ArrayBuffer>, calls: readonly NumberCall[]): number[] {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return calls.map(([name, ...args]) => {
    const body = exports[name];
    if (typeof body !== 'function') throw new Error(`no function ${name}`);
    return Number(body(...args));
  });
}

describe.each(DIAGONAL)('$backend, $placement', ({ backend, placement }) => {
  for (const { path, directory: stableStorage, args, before, after } of GUESTS) {
    it(`${path} answers on Wasmtime and in plain Node as the original`, async (context) => {
      await using fixture = await SiteUnderTest.open({ backend, stableStorage });
      const original = await fixture.site.arun(path, { group: GROUP, placement, args: [...args] });
      await callAll(original, before);
      await original.checkpoint();
      await callAll(original, before);
      const { bank: usage } = fixture.site.report();
      const bytes = await exportImage(original);
      expect([original.generation, fixture.site.report().bank]).toEqual([1, usage]);
      const expected = await callAll(original, after);
      expect(inPlainNode(bytes, after)).toEqual(expected);
      expect(await onWasmtime(context, bytes, after)).toEqual(expected);
    });
  }

  it('every sample guest goes on in another site as it goes on in its own', async () => {
    await using fixture = await SiteUnderTest.open({ backend });
    const stableStorage = mkdtempSync(join(directory, 'storage-'));
    const answered: string[] = [];
    for (const { path, options, before, after, fault } of SUBJECTS) {
      // What it shares with other processes is not in its image.
      if (path.startsWith('till')) continue;
      const original = await fixture.site.arun(path, { ...options, group: GROUP, placement });
      await original.ready();
      for (const { name, args = [] } of before) await original.call(name, args);
      writeFileSync(join(stableStorage, path), await exportImage(original, { imports: 'keep' }));
      await using other = await SiteUnderTest.open({ backend, stableStorage });
      const copy = await other.site.arun(path, { ...options, group: GROUP, placement });
      await copy.ready();
      for (const { name, args = [], returns = 'value' } of after) {
        const expected = await original.call(name, args, { returns });
        expect(await copy.call(name, args, { returns }), `${path} ${name}`).toEqual(expected);
      }
      if (fault !== null) {
        // And it is a guest like any other: its generation 0 is what was exported.
        const { pid } = copy;
        await rejection(copy.call(fault.name, fault.args));
        await other.backSince(copy, pid);
      }
      answered.push(path);
      await fixture.site.killGroup(GROUP);
    }
    expect(new Set(answered).size).toBeGreaterThan(5);
  });

  it('is taken in its turn, and given up with the run', async () => {
    await using fixture = await SiteUnderTest.open({ backend });
    const counter = await fixture.site.arun('counter.wasm', { group: GROUP, placement });
    const [, bytes] = await Promise.all([
      counter.call('increment'),
      exportImage(counter),
      counter.call('increment'),
    ]);
    expect(inPlainNode(bytes, [['value']])).toEqual([1]);
    const failing = rejection(counter.call('crash'));
    // In a thread it waits behind the call, and ends with the run; in the host's own the process is back by now.
    if (placement === 'thread')
      expect((await rejection(exportImage(counter))).code).toBe('PROCESS_RESTARTED');
    expect((await failing).code).toBe('GUEST_FAULT');
    await counter.ready();
    expect(inPlainNode(await exportImage(counter), [['value']])).toEqual([0]);
  });

  it('a plain process can be exported; one that has ended cannot', async () => {
    await using fixture = await SiteUnderTest.open({ backend });
    const plain = await fixture.site.arun('faulty.wasm', { placement, restartable: false });
    await plain.call('ping');
    await plain.call('ping');
    const bytes = await exportImage(plain);
    expect(inPlainNode(bytes, [['ping']])).toEqual([Number(await plain.call('ping'))]);
    await rejection(plain.call('stackOverflow'));
    await inTime('its end', plain.exited);
    expect((await rejection(exportImage(plain))).code).toBe('PROCESS_ENDED');
  });

  it('what a function of the host hands to the guest cannot be exported, and is named', async () => {
    await using fixture = await SiteUnderTest.open({ backend, stableStorage: directory });
    writeFileSync(join(directory, 'holder.wasm'), assemble(HOLDER));
    const importsUrl = 'data:text/javascript,export default () => ({ host: { object: () => ({}) } });';
    const holder = await fixture.site.arun('holder.wasm', { group: GROUP, placement, importsUrl });
    await exportImage(holder);
    await holder.call('hold');
    const { code, message } = await rejection(exportImage(holder));
    expect([code, message]).toEqual([
      'CHECKPOINT_REFUSED',
      'CHECKPOINT_REFUSED: holder#1: global 0 holds a host object',
    ]);
    expect(holder.state).toBe('ready');
  });
});

it('an inline process cannot be exported in the middle of its own call', async () => {
  await using fixture = await SiteUnderTest.open();
  let tried: Promise<unknown> = Promise.resolve();
  const temperature = (): number => {
    tried = rejection(exportImage(thermostat));
    return 1;
  };
  const imports = { sensor: { temperature }, journal: { entry: () => undefined } };
  const thermostat = await fixture.site.arun('thermostat.wasm', { placement: 'inline', imports });
  await thermostat.call('check');
  expect(await tried).toMatchObject({ code: 'PROCESS_BUSY' });
});

it('options that there are not are refused by name', async () => {
  await using fixture = await SiteUnderTest.open();
  const counter = await fixture.site.arun('counter.wasm', { placement: 'inline' });
  const attempts: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['exportImage.imports', () => exportImage(counter, { imports: 'drop' as 'trap' })],
    ['exportImage.import', () => exportImage(counter, { import: 'trap' } as object)],
    ['process', () => exportImage({} as Process)],
    ['exportImage', () => exportImage(counter, null as unknown as object)],
  ];
  for (const [culprit, attempt] of attempts)
    expect(await rejection(attempt())).toMatchObject({ code: 'OPTION_INVALID', culprit });
});

it('every kind of state answers on Wasmtime as in Node', async (context) => {
  const { instance, exported } = startModule(assemble(ZOO), { host: { started: () => undefined } });
  for (const name of ['growTables', 'mutate', 'dropData']) callExport(instance, name);
  callExport(instance, 'growMemory', [2]);
  const calls: readonly NumberCall[] = [
    ...['i32', 'f32', 'v128_low', 'funcref'].map((type): NumberCall => [`global_${type}`]),
    ['tableSize'],
    ['externTableSize'],
    ['callEntry', 0],
    ['callEntry', 3],
    ['growMemory', 7],
    ['growMemory', 6],
  ];
  const bytes = exported();
  const expected = calls.map(([name, ...args]) => Number(callExport(instance, name, [...args])));
  expect(inPlainNode(bytes, calls)).toEqual(expected);
  expect(await onWasmtime(context, bytes, calls)).toEqual(expected);
  for (const trap of ['useActiveData', 'useData', 'useActiveElements', 'useDeclaredElements'])
    expect(await onWasmtime(context, bytes, [[trap]])).toEqual([expect.stringContaining('error')]);
});
