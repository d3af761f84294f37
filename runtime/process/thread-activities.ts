// What a worker has been asked to do and has not answered yet. It answers in order, so the first is the one that runs, and the one
// whose time limit counts. It knows nothing of the worker.
import { invariant } from '../invariant.ts';
import type { ReturnValue } from './program.ts';

interface Common {
  /** What the guest is entered by; what a fault will call its activity. */
  readonly name: string;
  /** In milliseconds, from when it begins to run; null for none. */
  readonly limitMs: number | null;
}

export type Activity = Common &
  (
    | { readonly kind: 'entry' }
    | {
        readonly kind: 'call';
        readonly resolve: (value: ReturnValue) => void;
        readonly reject: (error: Error) => void;
      }
    | {
        readonly kind: 'restore';
        readonly resolve: () => void;
        readonly reject: (error: Error) => void;
      }
    | {
        readonly kind: 'checkpoint';
        readonly resolve: (generation: number) => void;
        readonly reject: (error: Error) => void;
      }
    | {
        readonly kind: 'export';
        readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void;
        readonly reject: (error: Error) => void;
      }
  );

/** Ends an activity with an error. Nobody called an entry: what became of it is told by the events of the process. */
export function rejectActivity(activity: Activity, makeError: () => Error): void {
  if (activity.kind !== 'entry') activity.reject(makeError());
}

export class ThreadActivities {
  readonly #timedOut: (running: Activity) => void;
  #row: readonly Activity[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** The run is still being loaded: nothing of it has begun, and no limit counts. */
  #loading = false;

  /** `timedOut` is told of the first activity when its limit has passed; it stays where it is. */
  constructor(timedOut: (running: Activity) => void) {
    this.#timedOut = timedOut;
  }

  get size(): number {
    return this.#row.length;
  }

  get running(): Activity | null {
    return this.#row[0] ?? null;
  }

  beginLoading(): void {
    this.#loading = true;
  }

  loaded(): void {
    this.#loading = false;
    this.#armTimer();
  }

  add(activity: Activity): void {
    this.#row = [...this.#row, activity];
    if (this.#row.length === 1) this.#armTimer();
  }

  /** Takes the activity that has just been answered. */
  finish(): Activity {
    const [done, ...waiting] = this.#row;
    invariant(done !== undefined, 'a worker answers only what it was asked');
    this.#row = waiting;
    this.#armTimer();
    return done;
  }

  /** Takes them all; no limit counts any more. */
  takeAll(): readonly Activity[] {
    const row = this.#row;
    this.#row = [];
    this.#armTimer();
    return row;
  }

  #armTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const running = this.running;
    if (this.#loading || running === null || running.limitMs === null) return;
    this.#timer = setTimeout(() => this.#timedOut(running), running.limitMs);
  }
}
