// What a row of the benchmark is: points that are measured side by side, each beside its floors and its peers, and the targets they are held
// to. A row owns what it sets up and gives it back before it ends; it must never judge its own figures.
import type { RowFloor } from './floor/row-floor.ts';
import type { ModuleDirectory } from './ground.ts';
import type { Timed } from './measure.ts';
import type { Summary } from './statistics.ts';

/** What a point is held to; all of it by the medians. */
export type Target =
  /** Ours over the cheapest floor of the point. */
  | { readonly than: 'floor'; readonly atMost: number }
  /** Ours over that peer. */
  | { readonly than: 'peer'; readonly name: string; readonly atMost: number }
  /** That peer over ours, at least. */
  | { readonly than: 'peer'; readonly name: string; readonly timesFaster: number }
  /** Ours over ours of that point of the same row. */
  | { readonly than: 'point'; readonly name: string; readonly atMost: number }
  /** Ours itself, in the point's unit; never for a time, which says more of the machine than of us. */
  | { readonly than: 'value'; readonly atMost: number };

export type Unit = 'us' | 'bytes';

export interface Point {
  /** Within the row: `64 MiB, 16 dirty`. */
  readonly name: string;
  /** Default microseconds. */
  readonly unit?: Unit;
  readonly ours: Timed;
  /** The least that anything could take; the cheapest of them is what counts. */
  readonly floors?: readonly Timed[];
  /** What one would do without us, and what only explains. */
  readonly peers?: readonly Timed[];
  readonly targets: readonly Target[];
}

/** What was measured of one case. */
export interface Figure extends Summary {
  readonly name: string;
}

/** A point with figures instead of cases. */
export interface MeasuredPoint {
  readonly name: string;
  readonly unit: Unit;
  readonly ours: Figure;
  readonly floors: readonly Figure[];
  readonly peers: readonly Figure[];
  readonly targets: readonly Target[];
}

/**
 * What a row has to work with. A row that cannot be measured on this machine throws a RekindleError BACKEND_UNAVAILABLE and is left out,
 * saying so.
 */
export interface RowContext {
  readonly modules: ModuleDirectory;
  /** Floors that are made of system calls. */
  readonly floor: RowFloor;
  /**
   * Measures all cases of the points side by side; the same object in several points is measured once. May be called several times in one
   * row; `share`: of the row's time, default all.
   */
  readonly measure: (points: readonly Point[], share?: number) => Promise<readonly MeasuredPoint[]>;
  /** Says that the points whose names begin so are not measured here, and why: `''` for all of the row. */
  readonly leaveOut: (points: string, reason: string) => void;
}

export interface Row {
  /** As `--only` takes it: `restore.inline`. */
  readonly id: string;
  /** One line: from what to what is timed. */
  readonly title: string;
  /** Its part of the time, relative to the others'. */
  readonly share: number;
  readonly run: (context: RowContext) => Promise<readonly MeasuredPoint[]>;
}
