// The process table: names and pids that are never given out twice, the limit, and which runs a pid leads to.
import { afterAll, describe, expect, test } from 'vitest';
import { PMM_NAME_SIZE } from '#abi/pmm.js';
import { ProcessTable } from '#runtime/controller/process-table.js';
import { RekindleError } from '#runtime/errors.js';
import { end, ProcessFixture } from './process-fixture.js';

const fixture = new ProcessFixture();
afterAll(() => fixture[Symbol.dispose]());

describe('generated names', () => {
  test.each([
    ['counter.wasm', 'counter#1'],
    ['guests/deep/counter.wasm', 'counter#1'],
    ['counter', 'counter#1'],
    ['counter.wasm.wasm', 'counter.wasm#1'],
    ['.wasm', '#1'],
  ])('of %s: %s', (path, name) => {
    expect(new ProcessTable(8).generateName(path)).toBe(name);
  });

  test('are different each time, also when their process is gone', () => {
    const table = new ProcessTable(8);
    const names = Array.from({ length: 5 }, () => {
      const name = table.generateName('counter.wasm');
      const process = fixture.process(name);
      table.add(process);
      table.remove(process);
      return name;
    });
    expect(new Set(names).size).toBe(5);
  });

  test('pass over what is taken', () => {
    const table = new ProcessTable(8);
    table.add(fixture.process('counter#1'));
    expect(table.generateName('counter.wasm')).toBe('counter#2');
  });

  test.each([
    ['that just fit are kept', PMM_NAME_SIZE - 3, /^n+#1$/],
    ['of one byte more are not', PMM_NAME_SIZE - 2, /^process#2$/],
  ])('%s', (_title, length, expected) => {
    expect(new ProcessTable(8).generateName(`${'n'.repeat(length)}.wasm`)).toMatch(expected);
  });

  test.each([
    ['ASCII', 'n'.repeat(200)],
    ['beyond ASCII', 'ü'.repeat(40)],
  ])('are never too long for the ABI (%s)', (_title, file) => {
    const name = new ProcessTable(8).generateName(`${file}.wasm`);
    expect(Buffer.byteLength(name)).toBeLessThan(PMM_NAME_SIZE);
    expect(name).toMatch(/^process#\d+$/);
  });
});

describe('pids', () => {
  test('rise and are never given out twice', () => {
    const table = new ProcessTable(8);
    expect([table.nextPid(), table.nextPid(), table.nextPid()]).toEqual([1, 2, 3]);
  });

  test('lead to the current run only', () => {
    const table = new ProcessTable(8);
    const process = fixture.process('a');
    table.add(process);
    expect(table.withPid(1)).toBeNull();
    process.load(1);
    process.launch();
    expect(table.withPid(1)).toBe(process);
    process.stop('restarting', new RekindleError('PROCESS_RESTARTED', 'a'));
    process.load(2);
    process.launch();
    expect([table.withPid(1), table.withPid(2)]).toEqual([null, process]);
  });

  test('lead nowhere when the run is stopped or has ended', () => {
    const table = new ProcessTable(8);
    const [stopped, ended] = [fixture.process('stopped'), fixture.process('ended')];
    for (const [index, process] of [stopped, ended].entries()) {
      table.add(process);
      process.load(index + 1);
      process.launch();
    }
    stopped.stop('stopped', new RekindleError('PROCESS_RESTARTED', 'stopped'));
    end(ended);
    expect([table.withPid(1), table.withPid(2)]).toEqual([null, null]);
  });
});

describe('the table', () => {
  test('finds by name what was added and not removed', () => {
    const table = new ProcessTable(8);
    const [a, b] = [fixture.process('a'), fixture.process('b')];
    table.add(a);
    table.add(b);
    expect([table.get('a'), table.get('b'), table.get('c')]).toEqual([a, b, null]);
    table.remove(a);
    expect([...table]).toEqual([b]);
    expect(table.get('a')).toBeNull();
  });

  test('has room up to its limit and says who found none', () => {
    const table = new ProcessTable(2);
    table.add(fixture.process('a'));
    table.requireRoom('second.wasm');
    const second = fixture.process('b');
    table.add(second);
    expect(() => table.requireRoom('third.wasm')).toThrow(/^PROCESS_LIMIT: third\.wasm: all 2 processes/);
    table.remove(second);
    table.requireRoom('third.wasm');
  });
});
