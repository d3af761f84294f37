// The floors, asked both ways they can be had: every kind answers, with its own check that the memory came back, and nothing stays behind.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/index.js';
import { loadLibc } from '#runtime/system/libc.js';
import { FfiFloor } from '../../../bench/floor/ffi-floor.js';
import type { Floor, FloorKind } from '../../../bench/floor/floor.js';
import { FloorBuilding, ProgramFloor, readAnswer } from '../../../bench/floor/program-floor.js';
import { RowFloor } from '../../../bench/floor/row-floor.js';

const KINDS: readonly FloorKind[] = ['drop', 'copy-all', 'copy-dirty', 'write-pages'];
const MEMORY_BYTES = 1024 * 1024;
const SLICE_MS = 1;

function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function hasLibc(): boolean {
  try {
    loadLibc();
    return true;
  } catch (error) {
    if (error instanceof RekindleError) return false;
    throw error;
  }
}

const floors: readonly (readonly [string, boolean, (building: FloorBuilding) => Floor])[] = [
  ['the program', hasLibc() && hasCompiler(), (building) => new ProgramFloor(building.program() ?? '')],
  ['the calls from here', hasLibc(), () => new FfiFloor()],
];

describe.each(floors)('%s', (_, isThere, open) => {
  it.runIf(isThere)('answers every kind, for memories of any state, time and again', async () => {
    using building = new FloorBuilding(() => undefined);
    await using floor = open(building);
    for (const kind of [...KINDS, ...KINDS]) {
      for (const isResident of [false, true]) {
        const samples = await floor.slice(
          { kind, memoryBytes: MEMORY_BYTES, dirtyPages: 16, isResident },
          SLICE_MS,
        );
        expect(samples.length).toBeGreaterThan(0);
        expect(samples.every((sample) => sample >= 0)).toBe(true);
      }
    }
  });
});

describe('the program', () => {
  it.runIf(hasCompiler())('is built once and taken away', () => {
    const building = new FloorBuilding(() => undefined);
    const program = building.program() ?? '';
    expect(existsSync(program)).toBe(true);
    expect(building.program()).toBe(program);
    building[Symbol.dispose]();
    expect(existsSync(dirname(program))).toBe(false);
  });

  it.runIf(hasLibc() && hasCompiler())('that does not know what it is asked says so by ending', async () => {
    using building = new FloorBuilding(() => undefined);
    await using floor = new ProgramFloor(building.program() ?? '');
    const asked = floor.slice(
      { kind: 'drop', memoryBytes: 4096, dirtyPages: 2, isResident: false },
      SLICE_MS,
    );
    await expect(asked).rejects.toThrow('has ended without an answer');
  });

  it.each(['', '0', '1', '2 1.0', '1 -2', '1 x', 'two 1 2'])('gives no answer by "%s"', (line) => {
    expect(() => readAnswer(line)).toThrow('what is no answer');
  });

  it('is read', () => {
    expect(readAnswer('3 1.5 0 12')).toEqual([1.5, 0, 12]);
  });
});

describe('the floor of a row', () => {
  it('is not begun before it is asked', async () => {
    using building = new FloorBuilding(() => undefined);
    const floor = new RowFloor(building);
    await floor[Symbol.asyncDispose]();
  });

  it.runIf(hasLibc())('is a case of a point', async () => {
    using building = new FloorBuilding(() => undefined);
    await using floor = new RowFloor(building);
    const timed = floor.timed('drop', { kind: 'drop', memoryBytes: 65536, dirtyPages: 1, isResident: false });
    expect(timed.name).toBe('drop');
    expect((await timed.slice(SLICE_MS)).length).toBeGreaterThan(0);
  });
});
