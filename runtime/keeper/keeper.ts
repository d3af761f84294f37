// The keeper: starts a site, starts it again when it dies, and stops when that is no use or when it is told to. Every step is one
// line. It must never have two children at a time, for a bank has one owner, and never end before its child has.
import { invariant } from '../invariant.ts';
import {
  type Death,
  decideOnDeath,
  describeDeath,
  EXIT_ENDED,
  EXIT_FAILED,
  endsInOrder,
  isOnPurpose,
  type KeeperPolicy,
  rememberDeath,
} from './keeper-policy.ts';
import type { ChildMessage, Supervisor } from './keeper-protocol.ts';
import { type ChildHandle, type ChildListener, SupervisedChild } from './supervised-child.ts';
import type { Timers } from './timers.ts';

/** Exit code of a process that was told twice to stop: what a shell shows for one that the signal has killed. */
export const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
export type StopSignal = keyof typeof SIGNAL_EXIT_CODES;

/** Whoever waits for the keeper: the service manager. */
export interface KeeperSupervisor extends Supervisor {
  status(text: string): void;
}

export interface KeeperParts {
  readonly policy: KeeperPolicy;
  /** Of the keeper's own process: whom to signal. */
  readonly pid: number;
  readonly timers: Timers;
  /** `hasBeenReady`: a child before this one had its site open. */
  readonly spawn: (hasBeenReady: boolean, listener: ChildListener) => ChildHandle;
  readonly supervisor: KeeperSupervisor;
  /** Takes one line without its end. */
  readonly say: (line: string) => void;
}

/** The silence after which a child is not fresh: the keeper's own watchdog, or else that of the service manager; null without both. */
export function silenceLimitMs(policy: KeeperPolicy, supervisor: Supervisor): number | null {
  if (policy.watchdogMs > 0) return policy.watchdogMs;
  return supervisor.alivePeriodMs;
}

export class Keeper {
  readonly #parts: KeeperParts;
  #child: SupervisedChild | null = null;
  #pause: Disposable | null = null;
  #pulse: Disposable | null = null;
  #history: readonly number[] = [];
  #hasBeenReady = false;
  /** The exit code once it has been told to stop. */
  #stopExitCode: number | null = null;
  #ended: ((exitCode: number) => void) | null = null;
  #hasEnded = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Keeps the site until there is no more use in it, or `stop`; the exit code of the keeper. Called once. */
  run(): Promise<number> {
    invariant(this.#ended === null, 'a keeper runs once');
    const { pid: ownPid, timers, supervisor } = this.#parts;
    const { alivePeriodMs } = supervisor;
    this.#say(`pid ${ownPid}`);
    return new Promise((resolve) => {
      this.#ended = resolve;
      if (alivePeriodMs !== null) {
        this.#pulse = timers.every(alivePeriodMs, () => {
          if (this.#child?.isFresh) supervisor.alive();
        });
      }
      this.#start();
    });
  }

  /** Ends the site in good order; told a second time, at once. */
  stop(signal: StopSignal): void {
    if (this.#hasEnded) return;
    if (this.#stopExitCode === null) {
      this.#say(`stopping on ${signal}`);
      this.#stopExitCode = EXIT_ENDED;
      this.#parts.supervisor.stopping();
      this.#child?.stop();
    } else {
      this.#say(`stopping at once on another ${signal}`);
      this.#stopExitCode = SIGNAL_EXIT_CODES[signal];
      this.#child?.kill();
    }
    if (this.#child === null) this.#end(this.#stopExitCode, 'the site was not running');
  }

  /** Passes a SIGHUP on to the site. A child that has not come so far would die of it. */
  reload(): void {
    if (this.#child?.isReady && this.#stopExitCode === null) this.#child.passOn('SIGHUP');
    else this.#say('SIGHUP is ignored: the site is not open');
  }

  #start(): void {
    const { policy, timers, supervisor, spawn } = this.#parts;
    invariant(this.#child === null, 'a keeper has one child at a time');
    this.#pause = null;
    const limits = {
      startLimitMs: policy.startLimitMs,
      silenceLimitMs: silenceLimitMs(policy, supervisor),
      killWhenSilent: policy.watchdogMs > 0,
    };
    const events = {
      said: (message: ChildMessage) => this.#heard(message),
      died: (death: Death) => this.#died(death),
      trouble: (text: string) => this.#say(`process ${this.#child?.pid}: ${text}`),
    };
    this.#child = new SupervisedChild(timers, limits, events, (listener) =>
      spawn(this.#hasBeenReady, listener),
    );
    const { pid } = this.#child;
    if (pid !== undefined) this.#say(`started process ${pid}`);
  }

  #heard(message: ChildMessage): void {
    const { supervisor } = this.#parts;
    // What a child says on its way out would contradict what has been told already.
    if (this.#stopExitCode !== null) return;
    switch (message.kind) {
      case 'ready':
        this.#hasBeenReady = true;
        this.#say(`process ${this.#child?.pid} is ready`);
        supervisor.ready(message.status);
        break;
      case 'reloading':
        supervisor.reloading();
        break;
      case 'stopping':
        supervisor.status('the site is being shut down');
        break;
      case 'alive':
        break;
    }
  }

  #died(death: Death): void {
    const { policy, timers, supervisor } = this.#parts;
    const pid = this.#child?.pid;
    this.#child = null;
    const text = describeDeath(death);
    const verb = isOnPurpose(death) ? 'ended' : 'died';
    this.#say(pid === undefined ? `a process ${text}` : `process ${pid} ${verb}: ${text}`);
    if (this.#stopExitCode !== null) {
      const isFailure =
        death.kind === 'unkillable' || (this.#stopExitCode === EXIT_ENDED && !endsInOrder(death));
      this.#end(isFailure ? EXIT_FAILED : this.#stopExitCode, 'told to stop');
      return;
    }
    const nowMs = timers.nowMs();
    const decision = decideOnDeath(this.#history, death, nowMs, policy);
    this.#history = rememberDeath(this.#history, nowMs, policy);
    if (decision.kind === 'stop') {
      supervisor.status(decision.reason);
      supervisor.stopping();
      this.#end(decision.exitCode, decision.reason);
      return;
    }
    const { delayMs } = decision;
    this.#say(delayMs === 0 ? 'starting again at once' : `starting again in ${delayMs} ms`);
    supervisor.status(`the site died: ${text}; it is being started again`);
    this.#pause = timers.after(delayMs, () => this.#start());
  }

  #end(exitCode: number, reason: string): void {
    invariant(this.#child === null, 'a keeper does not end before its child');
    this.#hasEnded = true;
    this.#pause?.[Symbol.dispose]();
    this.#pulse?.[Symbol.dispose]();
    this.#say(`ended with exit code ${exitCode}: ${reason}`);
    this.#ended?.(exitCode);
  }

  #say(text: string): void {
    this.#parts.say(`keeper: ${text}`);
  }
}
