// The peers of the benchmark do what they are measured for, and leave no process behind. How long anything takes is of no concern here.
import { getActiveResourcesInfo } from 'node:process';
import { afterEach, expect, it } from 'vitest';
import { APPLICATION, SHORT_REQUEST } from '#test/support/quickjs-application.js';
import { until } from '#test/support/scenario.js';
import { ModuleDirectory } from '../../../bench/ground.js';
import type { Timed } from '../../../bench/measure.js';
import { quickjsPeers } from '../../../bench/peers/quickjs-wasi.js';
import { ResidentPeers } from '../../../bench/peers/resident-peers.js';
import { Wasmtime } from '../../../bench/peers/wasmtime.js';
import { PlainQuickjs } from '../../../bench/plain-quickjs.js';
import { residentModule, touchArguments, touchedSum } from '../../../bench/resident-guest.js';

const SIZE_BYTES = 256 * 1024;
const PAGES = 4;
const SETUP = `${APPLICATION}; 0`;

const childProcesses = (): number => getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length;

const childrenBefore = childProcesses();

afterEach(async () => {
  await until('the children are gone', () => childProcesses() === childrenBefore);
});

async function runOnce(timed: Timed): Promise<void> {
  if ('slice' in timed) {
    expect((await timed.slice(1)).every((sample) => sample > 0)).toBe(true);
    return;
  }
  await timed.prepare?.();
  await timed.run();
}

it('run the resident guest, twice over, with the answers they must have', async () => {
  using modules = new ModuleDirectory();
  const missing: string[] = [];
  await using peers = await ResidentPeers.start(
    modules,
    { sizeBytes: SIZE_BYTES, pageCount: PAGES },
    (name) => missing.push(name),
  );
  for (const timed of [...peers.cases, ...peers.cases]) await runOnce(timed);
  const names = peers.cases.map(({ name }) => name.split(':')[0]);
  const wanted = ['wasmtime', 'extism', 'extism', 'Node child'];
  expect(names).toEqual(wanted.filter((name) => !missing.includes(name)));
});

it('tell a wrong answer from a right one', async () => {
  using modules = new ModuleDirectory();
  const task = {
    path: modules.add('started.wasm', residentModule(SIZE_BYTES, 'start')),
    exportName: 'touch',
    args: touchArguments(SIZE_BYTES, PAGES),
    answer: touchedSum(PAGES) + 1,
  };
  const started = await Wasmtime.start(task);
  if (typeof started === 'string') return;
  await using wasmtime = started;
  await expect(wasmtime.newInstance.slice(1)).rejects.toThrow(
    `wasmtime: the guest answered ${touchedSum(PAGES)}`,
  );
});

it('serve the same request with the same answer, restored and fresh, as the guest by hand', async () => {
  const plain = new PlainQuickjs(SETUP);
  plain.keep(SHORT_REQUEST);
  const answer = plain.numberOnce(SHORT_REQUEST);
  plain.putBack();
  expect(plain.numberOnce(SHORT_REQUEST)).toBe(answer);
  expect(plain.number(SHORT_REQUEST)).not.toBe(answer);
  const { restored, fresh } = await quickjsPeers({ application: SETUP, request: SHORT_REQUEST, answer });
  for (const timed of [restored, fresh, restored]) await runOnce(timed);
});
