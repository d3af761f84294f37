// Runs a row of the benchmark without its clock: every case has its turns, so that all of their own checks are made, and no figure means
// anything. It leaves nothing behind.
import { RekindleError } from '#runtime/index.js';
import { FloorBuilding } from '../../../bench/floor/program-floor.js';
import { RowFloor } from '../../../bench/floor/row-floor.js';
import { ModuleDirectory } from '../../../bench/ground.js';
import type { Timed } from '../../../bench/measure.js';
import { compare, measuredPoints } from '../../../bench/report.js';
import type { MeasuredPoint, Point, Row } from '../../../bench/row.js';

/** The points, which have been compared once; null where this machine lacks what the row needs. Throws when the row leaves something out. */
export async function runInSmall(
  row: Row,
  { turns }: { readonly turns: number },
): Promise<readonly MeasuredPoint[] | null> {
  using modules = new ModuleDirectory();
  using building = new FloorBuilding(() => undefined);
  await using floor = new RowFloor(building);
  const leaveOut = (points: string, reason: string): never => {
    throw new Error(`left out: ${points}: ${reason}`);
  };
  const measure = (points: readonly Point[]): Promise<readonly MeasuredPoint[]> => takeTurns(points, turns);
  try {
    const points = await row.run({ modules, floor, leaveOut, measure });
    compare(row.id, points);
    return points;
  } catch (error) {
    if (error instanceof RekindleError && error.code === 'BACKEND_UNAVAILABLE') return null;
    throw error;
  }
}

async function takeTurns(points: readonly Point[], turns: number): Promise<readonly MeasuredPoint[]> {
  const samples = new Map<Timed, readonly number[]>();
  const cases = points.flatMap(({ ours, floors = [], peers = [] }) => [ours, ...floors, ...peers]);
  for (const timed of new Set(cases)) {
    const own: number[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      if ('slice' in timed) own.push(...(await timed.slice(1)));
      else {
        await timed.prepare?.();
        await timed.run();
        own.push(1);
      }
    }
    samples.set(timed, own);
  }
  return measuredPoints(points, samples);
}
