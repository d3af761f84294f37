// Performs actions one after another, each group in a row of its own, without giving up the thread as long as nothing has to be
// waited for. It knows nothing of what the actions do.
import type { MaybePromise } from '../process/placement.ts';
import type { Action } from './state.ts';

export interface ActionQueueOptions {
  readonly perform: (action: Action) => MaybePromise<void>;
  /** What must be over before the next action of the group is taken from its row; null when nothing is in the way. */
  readonly gate: (group: number) => Promise<unknown> | null;
  /** Whether a waiting action may be dropped when its group is superseded; the others are owed. */
  readonly voidable: (action: Action) => boolean;
  /** Is told of what `perform` throws: always our bug, since the world's errors become events. */
  readonly failed: (error: unknown) => void;
}

/** More than any ladder has rungs in a row by default, so that a usual restart never waits. */
const MAX_RELAPSES_A_TURN = 16;

export class ActionQueue {
  readonly #options: ActionQueueOptions;
  readonly #waiting = new Map<number, Action[]>();
  /** How often a row was added to while it was at work without ever having given up the thread. */
  readonly #relapses = new Map<number, number>();
  /** Groups whose row is at work, and what it waits for, if it does. */
  readonly #working = new Map<number, Promise<void> | null>();

  constructor(options: ActionQueueOptions) {
    this.#options = options;
  }

  /** Drops what is voidable and waits for the groups in `supersedes`, then appends `actions` and begins on them unless their row is at work. */
  push(actions: readonly Action[], supersedes: readonly number[]): void {
    for (const group of supersedes) {
      const row = this.#waiting.get(group);
      if (row === undefined) continue;
      const owed = row.filter((action) => !this.#options.voidable(action));
      this.#waiting.set(group, owed);
    }
    const groups = new Set<number>();
    for (const action of actions) {
      const row = this.#waiting.get(action.group);
      if (row === undefined) this.#waiting.set(action.group, [action]);
      else row.push(action);
      groups.add(action.group);
    }
    for (const group of groups) {
      if (!this.#working.has(group)) this.#work(group);
      else this.#relapses.set(group, (this.#relapses.get(group) ?? 0) + 1);
    }
  }

  /** Resolves when the row of `group` is done. */
  async idle(group: number): Promise<void> {
    while (this.#working.has(group)) await this.#working.get(group);
  }

  #work(group: number): void {
    this.#working.set(group, null);
    try {
      while ((this.#waiting.get(group)?.length ?? 0) > 0) {
        const pending = this.#turn(group) ?? this.#options.gate(group) ?? this.#performNext(group);
        if (pending instanceof Promise) return this.#continueAfter(group, pending);
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

  #performNext(group: number): MaybePromise<void> {
    const action = this.#waiting.get(group)?.shift();
    if (action !== undefined) return this.#options.perform(action);
  }

  #continueAfter(group: number, pending: Promise<unknown>): void {
    const proceed = (): void => this.#work(group);
    this.#working.set(
      group,
      pending.then(proceed, (error: unknown) => {
        this.#options.failed(error);
        proceed();
      }),
    );
  }
}
