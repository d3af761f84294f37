// A kept site's end of the channel to its keeper. It must never queue: a sign of life that cannot be sent at once is left out, since
// one more would say nothing new.
import { type ChildMessage, HEARTBEAT_VARIABLE, readCount, type Supervisor } from './keeper-protocol.ts';
import { MAX_DELAY_MS } from './timers.ts';

/** As Node gives it to a process that was started with one. */
export interface KeeperChannel {
  /** `sent` is called once, with an error when the keeper has gone. */
  send(message: ChildMessage, sent: (error: Error | null) => void): void;
}

export class KeeperLink implements Supervisor {
  readonly alivePeriodMs: number | null;
  readonly #channel: KeeperChannel;
  #isSignUnderWay = false;

  constructor(channel: KeeperChannel, environment: Readonly<Record<string, string | undefined>>) {
    this.#channel = channel;
    const periodMs = readCount(environment[HEARTBEAT_VARIABLE]);
    this.alivePeriodMs = periodMs === null ? null : Math.min(periodMs, MAX_DELAY_MS);
  }

  ready(status: string): void {
    this.#send({ kind: 'ready', status });
  }

  reloading(): void {
    this.#send({ kind: 'reloading' });
  }

  stopping(): void {
    this.#send({ kind: 'stopping' });
  }

  alive(): void {
    if (this.#isSignUnderWay) return;
    this.#isSignUnderWay = true;
    this.#channel.send({ kind: 'alive' }, () => {
      this.#isSignUnderWay = false;
    });
  }

  #send(message: ChildMessage): void {
    // A keeper that has gone is told by the end of the channel, to which the site listens.
    this.#channel.send(message, () => undefined);
  }
}
