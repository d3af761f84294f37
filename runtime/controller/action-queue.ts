// Performs actions one after another, each group in a row of its own, without giving up the thread as long as nothing has to be
// waited for. It knows nothing of what the actions do.
import type { MaybePromise } from '../process/placement.ts';
import type { Action } from './state.ts';

export interface ActionQueueOptions {
  readonly perform: (action: Action) => MaybePromise<void>;
  /** What must be over before `next`, the first of its row, is taken from it; null when nothing is in the way. */
  readonly gate: (next: Action) => Promise<unknown> | null;
  /** Whether a waiting action may be dropped when its group is superseded; the others are owed. */
  readonly voidable: (action: Action) => boolean;
  /** Is told of what `perform` throws: always our bug, since the world's errors become events. */
  readonly failed: (error: unknown) => void;
}

/** More than any ladder has rungs in a row by default, so that a usual restart never waits. */
const MAX_RELAPSES_A_TURN = 16;

/** Actions of one group in order. Taking the first costs the same however many there are: an array of ten thousand moves them all. */
class Row {
  #actions: Action[] = [];
  #taken = 0;

  get first(): Action | undefined {
    return this.#actions[this.#taken];
  }

  take(): void {
    this.#taken += 1;
  }

  append(action: Action): void {
    if (this.#taken > this.#actions.length / 2) this.keep(() => true);
    this.#actions.push(action);
  }

  /** Of those that are still to be taken. */
  keep(isKept: (action: Action) => boolean): void {
    this.#actions = this.#actions.slice(this.#taken).filter(isKept);
    this.#taken = 0;
  }
}

export class ActionQueue {
  readonly #options: ActionQueueOptions;
  readonly #waiting = new Map<number, Row>();
  /** How often a row was added to while it was at work without ever having given up the thread. */
  readonly #relapses = new Map<number, number>();
  /** Groups whose row is at work, and what it waits for, if it does. */
  readonly #working = new Map<number, Promise<void> | null>();

  constructor(options: ActionQueueOptions) {
    this.#options = options;
  }

  /** Drops what is voidable and waits for the groups in `supersedes`, then appends `actions` and begins on them unless their row is at work. */
  push(actions: readonly Action[], supersedes: readonly number[]): void {
    const isOwed = (action: Action): boolean => !this.#options.voidable(action);
    for (const group of supersedes) this.#waiting.get(group)?.keep(isOwed);
    const extended = new Map<number, Row>();
    for (const action of actions) {
      const row = this.#waiting.get(action.group) ?? new Row();
      row.append(action);
      this.#waiting.set(action.group, row);
      extended.set(action.group, row);
    }
    for (const [group, row] of extended) {
      if (!this.#working.has(group)) this.#work(group, row);
      else this.#relapses.set(group, (this.#relapses.get(group) ?? 0) + 1);
    }
  }

  /** Resolves when the row of `group` is done. */
  async idle(group: number): Promise<void> {
    while (this.#working.has(group)) await this.#working.get(group);
  }

  #work(group: number, row: Row): void {
    this.#working.set(group, null);
    try {
      for (let next = row.first; next !== undefined; next = row.first) {
        const pending = this.#turn(group) ?? this.#options.gate(next) ?? this.#performFirst(row, next);
        if (pending instanceof Promise) return this.#continueAfter(group, row, pending);
      }
    } catch (error) {
      this.#options.failed(error);
    }
    this.#waiting.delete(group);
    this.#working.delete(group);
    this.#relapses.delete(group);
  }

  /** A group that fails whenever it is started must not keep the thread for itself: now and then everyone else has a turn. */
  #turn(group: number): Promise<void> | null {
    if ((this.#relapses.get(group) ?? 0) < MAX_RELAPSES_A_TURN) return null;
    this.#relapses.delete(group);
    return new Promise((resolve) => setImmediate(resolve));
  }

  #performFirst(row: Row, first: Action): MaybePromise<void> {
    row.take();
    return this.#options.perform(first);
  }

  #continueAfter(group: number, row: Row, pending: Promise<unknown>): void {
    const proceed = (): void => this.#work(group, row);
    this.#working.set(
      group,
      pending.then(proceed, (error: unknown) => {
        this.#options.failed(error);
        proceed();
      }),
    );
  }
}
