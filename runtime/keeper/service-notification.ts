// Tells systemd how the service fares: the protocol of sd_notify(3), datagrams of NAME=value lines to the socket named in the
// environment. It must never be the reason why a site dies or waits: what cannot be sent is told once. A sign of life that is lost says
// nothing that the next one does not; a state that is lost would be believed for ever, and is sent again for a while.
import { RekindleError } from '../errors.ts';
import type { KeeperSupervisor } from './keeper.ts';
import { oneLine, readCount } from './keeper-protocol.ts';
import { MAX_DELAY_MS, type Timers } from './timers.ts';

/** Where datagrams go. `send` throws RekindleError and does not wait. */
export interface DatagramSender extends Disposable {
  send(bytes: Uint8Array): void;
}

export interface NotificationParts {
  /** NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of this process. */
  readonly pid: number;
  readonly timers: Timers;
  readonly openSender: (address: string) => DatagramSender;
  /** Microseconds of the system's monotonic clock. */
  readonly monotonicUs: () => bigint;
  /** Takes one line without its end. */
  readonly say: (line: string) => void;
}

/** Two minutes: longer than a service manager waits for a start. */
export const RETRY_PERIOD_MS = 500;
export const MAX_RETRIES = 240;

export class ServiceNotification implements KeeperSupervisor, Disposable {
  /** Half of what the service manager allows between two; null when it does not watch us, or is not there. */
  readonly alivePeriodMs: number | null;
  readonly #parts: NotificationParts;
  readonly #address: string | null;
  #sender: DatagramSender | null = null;
  /** Sends the latest state again, which could not be sent; null when there is none. */
  #retry: Disposable | null = null;
  /** Failures that have been told: as many as the system has errors. */
  readonly #told = new Set<string>();

  constructor(parts: NotificationParts) {
    const { environment, pid } = parts;
    this.#parts = parts;
    const { NOTIFY_SOCKET: address } = environment;
    this.#address = address === undefined || address === '' ? null : address;
    this.alivePeriodMs = this.#address === null ? null : watchdogPeriodMs(environment, pid);
  }

  ready(status: string): void {
    this.#sendState('READY=1', `MAINPID=${this.#parts.pid}`, `STATUS=${oneLine(status)}`);
  }

  status(text: string): void {
    this.#send(`STATUS=${oneLine(text)}`);
  }

  reloading(): void {
    this.#sendState('RELOADING=1', `MONOTONIC_USEC=${this.#parts.monotonicUs()}`);
  }

  stopping(): void {
    this.#sendState('STOPPING=1');
  }

  alive(): void {
    this.#send('WATCHDOG=1');
  }

  [Symbol.dispose](): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = null;
    this.#sender?.[Symbol.dispose]();
    this.#sender = null;
  }

  /** What the service is from now on: it takes the place of an earlier state that is still to be sent. */
  #sendState(...lines: readonly string[]): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = null;
    if (!this.#send(...lines)) this.#sendAgain(lines, MAX_RETRIES);
  }

  #sendAgain(lines: readonly string[], retries: number): void {
    if (retries === 0) return;
    this.#retry = this.#parts.timers.after(RETRY_PERIOD_MS, () => {
      this.#retry = null;
      if (!this.#send(...lines)) this.#sendAgain(lines, retries - 1);
    });
  }

  /** False when it could not be sent and may be later. */
  #send(...lines: readonly string[]): boolean {
    if (this.#address === null) return true;
    try {
      this.#sender ??= this.#parts.openSender(this.#address);
      this.#sender.send(Buffer.from(lines.join('\n')));
      return true;
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      if (!this.#told.has(error.message)) {
        this.#told.add(error.message);
        this.#parts.say(`cannot notify the service manager: ${error.message}`);
      }
      return error.code !== 'SYSTEM_CALL_FAILED';
    }
  }
}

/** Half the period of the service manager's watchdog, when it is this process that is watched. */
function watchdogPeriodMs(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | null {
  const { WATCHDOG_PID: watchedPid, WATCHDOG_USEC: period } = environment;
  if (watchedPid !== undefined && readCount(watchedPid) !== pid) return null;
  const periodUs = readCount(period);
  return periodUs === null ? null : Math.max(1, Math.min(Math.floor(periodUs / 2000), MAX_DELAY_MS));
}
