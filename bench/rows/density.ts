// The row `density`: what each of very many guests of one module costs in resident memory, over the pages it has stored to, and how long it
// takes until all of them run again. Each count is tried in a process of its own, once: there is nothing left to chance in it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DIRTY_BYTES, denseModule } from '../dense-guest.ts';
import type { DensityFigures, DensityTask } from '../density-main.ts';
import type { SelfTimed } from '../measure.ts';
import { WASM_PAGE_BYTES } from '../resident-guest.ts';
import type { Point, Row } from '../row.ts';

const PROGRAM = fileURLToPath(new URL('../density-main.js', import.meta.url));
/** A memory of 64 KiB is copied whole at a restore, one of 1 MiB is mapped. */
const SIZES = { '64 KiB': WASM_PAGE_BYTES, '1 MiB': 16 * WASM_PAGE_BYTES } as const;
/** Restarts of all, and as many before them in which the engine warms up. */
const RESTARTS = 6;
type Size = keyof typeof SIZES;

const TARGET_BYTES = 64 * 1024;

async function fill(task: DensityTask): Promise<DensityFigures> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    PROGRAM,
    JSON.stringify(task),
  ]);
  return JSON.parse(stdout) as DensityFigures;
}

/** A case that is tried once, when it is first its turn. */
function once(name: string, samples: () => Promise<readonly number[]>): SelfTimed {
  let tried: Promise<readonly number[]> | null = null;
  return {
    name,
    slice: () => {
      tried ??= samples();
      return tried;
    },
  };
}

function points(directory: string, size: Size, count: number): readonly Point[] {
  const task = { directory, file: fileOf(size), count } as const;
  let filled: Promise<DensityFigures> | null = null;
  const figures = (): Promise<DensityFigures> => {
    filled ??= fill({ ...task, kind: 'ours', restarts: 2 * RESTARTS });
    return filled;
  };
  const name = `${count} of ${size}`;
  return [
    {
      name: `${name}, bytes each`,
      unit: 'bytes',
      ours: once('guest', async () => [(await figures()).bytesEach - DIRTY_BYTES]),
      peers: [
        once('plain instance', async () => [
          (await fill({ ...task, kind: 'plain', restarts: 0 })).bytesEach - DIRTY_BYTES,
        ]),
      ],
      targets: [{ than: 'value', atMost: TARGET_BYTES }],
    },
    {
      name: `${name}, restart, each`,
      ours: once('restart', async () => (await figures()).restartUs.slice(RESTARTS)),
      targets: [],
    },
  ];
}

function fileOf(size: Size): string {
  return `dense-${SIZES[size]}.wasm`;
}

/** `counts`: of guests with small memories, ascending; as many of the first with larger ones. */
export function densityRow(counts: readonly [number, ...number[]]): Row {
  return {
    id: 'density',
    title: 'many guests of one module: resident memory over their dirty pages, and all of them restarted',
    // As long as it takes: nothing in it is done again when there is time left.
    share: 1,
    run: async ({ modules, measure }) => {
      for (const size of ['64 KiB', '1 MiB'] as const) modules.add(fileOf(size), denseModule(SIZES[size]));
      return await measure([
        ...counts.flatMap((count) => points(modules.path, '64 KiB', count)),
        ...points(modules.path, '1 MiB', counts[0]),
      ]);
    },
  };
}

export const density = densityRow([1000, 10_000]);
