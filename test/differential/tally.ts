// What a differential run has come to: every module is in exactly one of its counts, so that nothing is skipped silently. Plain data, so that workers
// can send theirs.
import type { Outcome } from './compare.js';

/** Sent to a worker instead of a seed: there is no other. */
export const FINISHED = -1;

export interface Failure {
  readonly seed: number;
  readonly features: readonly string[];
  readonly what: string;
}

export interface Tally {
  modules: number;
  agreed: number;
  calls: number;
  inPlace: number;
  fresh: number;
  exported: number;
  /** By their words, numbers left out: reasons and how often each was met. */
  readonly refused: Record<string, number>;
  readonly plainOnly: Record<string, number>;
  readonly notInThisEngine: Record<string, number>;
  readonly notCaptured: Record<string, number>;
  readonly notExported: Record<string, number>;
  readonly givenUp: Record<string, number>;
  readonly traps: Record<string, number>;
  /** Modules compiled with each feature. */
  readonly features: Record<string, number>;
  readonly failures: Failure[];
}

export function emptyTally(): Tally {
  return {
    modules: 0,
    agreed: 0,
    calls: 0,
    inPlace: 0,
    fresh: 0,
    exported: 0,
    refused: {},
    plainOnly: {},
    notInThisEngine: {},
    notCaptured: {},
    notExported: {},
    givenUp: {},
    traps: {},
    features: {},
    failures: [],
  };
}

function count(counts: Record<string, number>, reason: string, times = 1): void {
  counts[reason] = (counts[reason] ?? 0) + times;
}

export function addOutcome(tally: Tally, seed: number, features: readonly string[], outcome: Outcome): void {
  tally.modules += 1;
  for (const feature of features) count(tally.features, feature);
  switch (outcome.kind) {
    case 'not in this engine':
      return count(tally.notInThisEngine, outcome.reason);
    case 'refused':
      return count(tally.refused, outcome.reason);
    case 'differs':
      tally.failures.push({ seed, features, what: outcome.what });
      return;
    case 'agreed':
      tally.agreed += 1;
      tally.calls += outcome.calls;
      tally.inPlace += outcome.restored.inPlace;
      tally.fresh += outcome.restored.fresh;
      tally.exported += outcome.exported;
      for (const trap of outcome.traps) count(tally.traps, trap.replace(/\d+/g, 'N'));
      for (const reason of outcome.notCaptured) count(tally.notCaptured, reason);
      for (const reason of outcome.notExported) count(tally.notExported, reason);
      if (outcome.givenUp !== null) count(tally.givenUp, outcome.givenUp);
      if (outcome.plainOnly !== null) count(tally.plainOnly, outcome.plainOnly);
  }
}

export function merge(into: Tally, from: Tally): void {
  into.modules += from.modules;
  into.agreed += from.agreed;
  into.calls += from.calls;
  into.inPlace += from.inPlace;
  into.fresh += from.fresh;
  into.exported += from.exported;
  into.failures.push(...from.failures);
  for (const name of [
    'refused',
    'plainOnly',
    'notInThisEngine',
    'notCaptured',
    'notExported',
    'givenUp',
    'traps',
    'features',
  ] as const)
    for (const [reason, times] of Object.entries(from[name])) count(into[name], reason, times);
}

function list(title: string, counts: Readonly<Record<string, number>>): readonly string[] {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const total = rows.reduce((sum, [, times]) => sum + times, 0);
  return [
    `${title}: ${total}`,
    ...rows.map(([reason, times]) => `  ${String(times).padStart(7)}  ${reason}`),
  ];
}

export function describe(tally: Tally): readonly string[] {
  return [
    `modules: ${tally.modules}, of which ${tally.agreed} gave the same in all their worlds`,
    `calls compared: ${tally.calls}; put back in place: ${tally.inPlace}, in a fresh instance: ${tally.fresh}; exported: ${tally.exported}`,
    ...list('modules with a feature', tally.features),
    ...list('of those that agreed, run as a plain process only', tally.plainOnly),
    ...list('modules refused', tally.refused),
    ...list('modules the engine does not take', tally.notInThisEngine),
    ...list('images refused', tally.notCaptured),
    ...list('images not exported', tally.notExported),
    ...list('modules not followed to their end', tally.givenUp),
    ...list('calls that threw', tally.traps),
    `failures: ${tally.failures.length}`,
    ...tally.failures.map(({ seed, features, what }) => `seed ${seed} (${features.join(' ')}):\n${what}`),
  ];
}
