// The same-result oracle on a module with every kind of state there is: v128, NaN payloads, references, tables, dropped segments, grown
// memory. Each kind is changed before the image, and must come back; or after it, and must be undone.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GuestFaultError, type Process } from '#runtime/index.js';
import { imageDifferences, ObservedSite, type SeenImage } from '#test/support/image-observer.js';
import { faultOf, MATRIX } from '#test/support/scenario.js';
import { assemble } from '#test/support/wasm-assembler.js';
import { openOriginalZoo, ZOO } from '#test/unit/image/state-zoo.js';

const GROUP = 2;

/** Calls that each change another kind of state. */
const CHANGES = {
  mutate: [],
  growTables: [],
  dropData: [],
  dropElements: [],
  growMemory: [3],
} as const;
type Change = keyof typeof CHANGES;
const ALL: readonly Change[] = ['mutate', 'growTables', 'dropData', 'dropElements', 'growMemory'];

type Reader = readonly [name: string, ...args: number[]];

/** Everything the guest can tell of its state; some of it by trapping, all of it by changing that state. */
const READERS: readonly Reader[] = [
  ...['i32', 'i64', 'f32', 'f64', 'v128_low', 'v128_high', 'funcref'].map(
    (type): Reader => [`global_${type}`],
  ),
  ['tableSize'],
  ['externTableSize'],
  ...[0, 1, 2, 3, 4, 5].map((entry): Reader => ['callEntry', entry]),
  ...['useActiveData', 'useData', 'useActiveElements', 'useElements', 'useDeclaredElements'].map(
    (name): Reader => [name],
  ),
];

type Observations = Record<string, string>;

interface Row {
  readonly before: readonly Change[];
  readonly undone: readonly Change[];
}

const EVERYTHING: Row = { before: ALL, undone: ALL };
const ROWS: readonly Row[] = [
  { before: [], undone: [] },
  ...ALL.map((change) => ({ before: [change], undone: [] })),
  ...ALL.map((change) => ({ before: [], undone: [change] })),
  EVERYTHING,
];

let stableStorage: string;

beforeAll(() => {
  stableStorage = mkdtempSync(join(tmpdir(), 'rekindle-zoo-'));
  writeFileSync(join(stableStorage, 'zoo.wasm'), assemble(ZOO));
});

afterAll(() => {
  rmSync(stableStorage, { recursive: true });
});

describe.each(MATRIX)('$backend, $placement', ({ backend, placement }) => {
  describe.each(['in-place', 'fresh'] as const)('restored %s', (restore) => {
    let observed: ObservedSite;
    let starts = 0;

    beforeAll(async () => {
      observed = await ObservedSite.open({ backend, stableStorage });
    });

    afterAll(async () => {
      await observed[Symbol.asyncDispose]();
    });

    async function withZoo(body: (process: Process) => Promise<SeenImage>): Promise<SeenImage> {
      const { site } = observed.fixture;
      starts = 0;
      const started = (): undefined => {
        starts += 1;
        return undefined;
      };
      const imports = { host: { started } };
      const process = await site.arun('zoo.wasm', { group: GROUP, placement, restore, imports });
      await process.call('tableSize');
      expect(starts).toBe(1);
      const image = await body(process);
      await site.killGroup(GROUP);
      expect(observed.fixture.log.mishaps).toEqual([]);
      return image;
    }

    async function change(process: Process, changes: readonly Change[]): Promise<void> {
      for (const each of changes) await process.call(each, CHANGES[each]);
    }

    /** What each reader says of the image `process` is at: it is put back after every one. */
    async function read(process: Process): Promise<Observations> {
      const seen: Observations = {};
      for (const [name, ...args] of READERS) {
        const { pid } = process;
        const said = process.call(name, args).then(String);
        seen[`${name}(${args.join()})`] = await said.catch(async (error: unknown) => {
          if (!(error instanceof GuestFaultError)) throw error;
          await observed.fixture.backSince(process, pid);
          return error.fault.message;
        });
        if (process.pid === pid) await failAndComeBack(process);
      }
      return seen;
    }

    async function failAndComeBack(process: Process): Promise<void> {
      const { pid } = process;
      const fault = await faultOf(process.call('callEntry', [99]));
      expect(fault).toMatchObject({ kind: 'trap', message: 'table index is out of bounds' });
      await observed.fixture.backSince(process, pid);
    }

    // A worker adds nothing to how state is kept but the way there and back, which one row shows.
    const rows = placement === 'inline' ? ROWS : [EVERYTHING];

    it.each(rows)('after $before, without $undone', async ({ before, undone }) => {
      const expected = await withZoo(async (process) => {
        await change(process, before);
        return observed.checkpoint(process);
      });
      const actual = await withZoo(async (process) => {
        await change(process, before);
        expect(await process.checkpoint()).toBe(1);
        await change(process, undone);
        await failAndComeBack(process);
        const image = await observed.checkpoint(process);
        expect(await read(process)).toEqual(observePlain(before));
        // Reading left its marks: they are undone as well, and no start function has run again.
        expect(imageDifferences(await observed.checkpoint(process), image)).toEqual([]);
        expect(starts).toBe(1);
        return image;
      });
      expect(imageDifferences(actual, expected)).toEqual([]);
    });

    it('the start function runs again from generation 0 only', async () => {
      const again = await withZoo(async (process) => {
        await change(process, ALL);
        await failAndComeBack(process);
        expect(starts).toBe(2);
        return observed.checkpoint(process);
      });
      const first = await withZoo((process) => observed.checkpoint(process));
      expect(imageDifferences(again, first)).toEqual([]);
    });

    it('carries every bit', async () => {
      await withZoo(async (process) => {
        await change(process, ['mutate', 'growMemory']);
        await process.checkpoint();
        await failAndComeBack(process);
        const image = await observed.checkpoint(process);
        expect(image.memoryBytes).toBe(4 * 65_536);
        expect(image.state.globals).toEqual([
          -5,
          -(2n ** 63n),
          0xffa12345 | 0,
          BigInt.asIntN(64, 0xfff4123456789abcn),
          [0x1122334455667788n, BigInt.asIntN(64, 0xffeeddccbbaa9988n)],
          3,
          -1,
        ]);
        return image;
      });
    });
  });
});

/** The same of an instance that the engine alone has made of the module as it is, changed and never restored, a new one for each reader. */
function observePlain(changes: readonly Change[]): Observations {
  const seen: Observations = {};
  for (const [name, ...args] of READERS) {
    const { call } = openOriginalZoo();
    for (const change of changes) call(change, ...CHANGES[change]);
    seen[`${name}(${args.join()})`] = saidBy(() => call(name, ...args));
  }
  return seen;
}

function saidBy(reader: () => unknown): string {
  try {
    return String(reader());
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return error.message;
    throw error;
  }
}
