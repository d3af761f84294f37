// Modules as a compiler makes them: AssemblyScript programs compiled here, run unchanged and prepared side by side, with state carried from one
// prepared instance to another. Memory is copied by hand, for no memory backend takes part in this room's tests.

import { describe, expect, it } from 'vitest';
import { exportedMemory } from '#runtime/image/instance-exports.js';
import { StateAccess } from '#runtime/image/instance-state.js';
import { type PreparedModule, prepareModule } from '#runtime/image/prepare.js';
import { asc } from '#test/support/assemblyscript-compiler.js';
import { firstMemories } from '#test/support/first-memories.js';
import { callExport } from './state-zoo.js';

const SOURCE = `
  const seen = new Map<string, i32>();
  const handlers: Array<(x: i32) => i32> = [(x: i32): i32 => x + 1, (x: i32): i32 => x * 2];
  let total: i32 = 0;
  let ratio: f64 = 0.5;
  export function step(x: i32): i32 {
    const key = "key" + (x % 5).toString();
    seen.set(key, (seen.has(key) ? seen.get(key) : 0) + 1);
    total += handlers[x & 1](x) + seen.get(key);
    ratio = ratio * 1.25 + <f64>total;
    if (handlers.length < 6) handlers.push(handlers[x & 1]);
    return total;
  }
  export function ratioOf(): f64 { return ratio; }
  export function random(): f64 { return Math.random(); }
  export function keys(): i32 { return seen.size; }
`;

async function compile(flags: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const written = new Map<string, Uint8Array<ArrayBuffer>>();
  const { error, stderr } = await asc.main(['main.ts', '--outFile', 'main.wasm', ...flags], {
    readFile: (name) => (name === 'main.ts' ? SOURCE : null),
    writeFile: (name, contents) => {
      if (typeof contents !== 'string') written.set(name, new Uint8Array(contents));
    },
    listFiles: () => [],
  });
  const binary = written.get('main.wasm');
  if (error !== null || binary === undefined) throw new Error(`asc: ${stderr.toString()}`);
  return binary;
}

const host = { abort: () => expect.unreachable(), seed: () => 0.25 };

function startOriginal(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Instance {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { ...host, memory } });
}

function openPrepared({ module, layout }: PreparedModule) {
  const instance = new WebAssembly.Instance(module, { env: host });
  const memory = exportedMemory(instance.exports, layout.memories[0]?.exportName ?? '');
  return { instance, memory, access: new StateAccess(instance, layout) };
}

function startPrepared(prepared: PreparedModule) {
  const started = openPrepared(prepared);
  started.access.restore(prepared.first.state);
  new Uint8Array(started.memory.buffer).set(firstMemories(prepared.first)[0] ?? []);
  if (prepared.layout.start !== null) callExport(started.instance, prepared.layout.start);
  return started;
}

const run = (instance: WebAssembly.Instance, from: number, to: number) =>
  Array.from({ length: to - from }, (_, position) => callExport(instance, 'step', [from + position]));

const FLAGS: readonly (readonly string[])[] = [
  ['-O3', '--runtime', 'incremental'],
  ['-O0', '--runtime', 'minimal', '--debug'],
  ['-Os', '--runtime', 'stub', '--importMemory'],
  ['-O2', '--runtime', 'incremental', '--exportTable', '--exportRuntime', '--enable', 'simd'],
];

describe.each(FLAGS)('asc %s %s %s %s', (...flags) => {
  const given = flags.filter((flag) => typeof flag === 'string');

  it('runs as the original does, before and after a restore', async () => {
    const bytes = await compile(given);
    const prepared = prepareModule(bytes, 'main.wasm', { memoryQuotaBytes: 1024 * 65536 });
    const original = startOriginal(bytes);
    const first = startPrepared(prepared);
    expect(run(first.instance, 0, 40)).toEqual(run(original, 0, 40));

    const state = first.access.capture('main');
    const memory = new Uint8Array(first.memory.buffer).slice();
    const expected = run(original, 40, 80);
    expect(run(first.instance, 40, 80)).toEqual(expected);

    const second = openPrepared(prepared);
    expect(second.access.restore(state)).toBe(true);
    second.memory.grow((memory.length - second.memory.buffer.byteLength) / 65536);
    new Uint8Array(second.memory.buffer).set(memory);
    expect(run(second.instance, 40, 80)).toEqual(expected);
    expect(callExport(second.instance, 'ratioOf')).toBe(callExport(original, 'ratioOf'));
    expect(callExport(second.instance, 'keys')).toBe(callExport(original, 'keys'));
    expect(second.access.capture('main')).toEqual(first.access.capture('main'));
  });
});

describe('names of AssemblyScript', () => {
  it('tell the stack pointer and the seed flag', async () => {
    const bytes = await compile(['-O0', '--runtime', 'incremental', '--debug']);
    const prepared = prepareModule(bytes, 'main.wasm', { memoryQuotaBytes: 1024 * 65536 });
    const { randomSeeded, stackPointer } = prepared.layout;
    if (randomSeeded === null || stackPointer === null) return expect.unreachable();
    const { instance, access } = startPrepared(prepared);
    expect(access.capture('main').globals[randomSeeded]).toBe(0);
    callExport(instance, 'random');
    const { globals } = access.capture('main');
    expect(globals[randomSeeded]).toBe(1);
    expect(globals[stackPointer]).toBeGreaterThan(0);
  });
});
