// A keeper whose time, processes and service manager are the test's: steps are taken one by one, and everything it does is a line of
// one log. It must not decide anything itself.
import { Keeper, type KeeperSupervisor } from '#runtime/keeper/keeper.js';
import { DEFAULT_KEEPER_POLICY, type KeeperPolicy } from '#runtime/keeper/keeper-policy.js';
import type { ChildListener } from '#runtime/keeper/supervised-child.js';
import type { Timers } from '#runtime/keeper/timers.js';

/** A clock that is moved by hand. */
export class ManualTimers implements Timers {
  #nowMs = 0;
  readonly #timers = new Set<{ dueMs: number; periodMs: number | null; action: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  /** Timers that have not ended. */
  get count(): number {
    return this.#timers.size;
  }

  after(delayMs: number, action: () => void): Disposable {
    return this.#add({ dueMs: this.#nowMs + delayMs, periodMs: null, action });
  }

  every(periodMs: number, action: () => void): Disposable {
    return this.#add({ dueMs: this.#nowMs + periodMs, periodMs, action });
  }

  /** Each timer strikes when it is due. */
  pass(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = next.dueMs;
      this.#strike(next);
    }
    this.#nowMs = endMs;
  }

  /** As if this process had been suspended: afterwards what is due strikes once. */
  sleep(durationMs: number): void {
    this.#nowMs += durationMs;
    for (const timer of [...this.#timers]) if (timer.dueMs <= this.#nowMs) this.#strike(timer);
  }

  #add(timer: { dueMs: number; periodMs: number | null; action: () => void }): Disposable {
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  #next(endMs: number) {
    return [...this.#timers].filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
  }

  #strike(timer: { dueMs: number; periodMs: number | null; action: () => void }): void {
    if (timer.periodMs === null) this.#timers.delete(timer);
    else timer.dueMs = this.#nowMs + timer.periodMs;
    timer.action();
  }
}

/** Gets pids 1, 2, 3 in order of start. */
export class KeeperUnderTest {
  readonly timers = new ManualTimers();
  readonly log: string[] = [];
  readonly keeper: Keeper;
  /** The end of `run`; undefined before. */
  exitCode: number | undefined;
  /** Of each start: whether a site had been ready before. */
  readonly starts: boolean[] = [];
  /** The next process cannot be started. */
  startFails = false;
  #listener: ChildListener | null = null;

  constructor(policy: Partial<KeeperPolicy> = {}, alivePeriodMs: number | null = null) {
    const note = (text: string) => void this.log.push(text);
    const supervisor: KeeperSupervisor = {
      alivePeriodMs,
      ready: (status) => note(`> ready ${status}`),
      reloading: () => note('> reloading'),
      stopping: () => note('> stopping'),
      alive: () => note('> alive'),
      status: (text) => note(`> status ${text}`),
    };
    this.keeper = new Keeper({
      policy: { ...DEFAULT_KEEPER_POLICY, ...policy },
      pid: 4711,
      timers: this.timers,
      supervisor,
      say: note,
      spawn: (hasBeenReady, listener) => {
        this.starts.push(hasBeenReady);
        this.#listener = listener;
        return {
          pid: this.startFails ? undefined : this.starts.length,
          kill: (signal) => note(`* ${signal} to ${this.starts.length}`),
        };
      },
    });
    void this.keeper.run().then((exitCode) => {
      this.exitCode = exitCode;
    });
  }

  get child(): ChildListener {
    if (this.#listener === null) throw new Error('nothing has been started');
    return this.#listener;
  }

  says(...kinds: readonly string[]): void {
    for (const kind of kinds) this.child.message({ kind, status: 'open' });
  }

  /** The log since the last time it was taken. */
  take(): readonly string[] {
    return this.log.splice(0);
  }

  /** The exit code, once what is settled has been told. */
  async end(): Promise<number | undefined> {
    await Promise.resolve();
    await Promise.resolve();
    return this.exitCode;
  }
}
