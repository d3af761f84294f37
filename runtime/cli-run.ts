// `rekindle run`: one process with one site, from its opening to its end, told by signals. It must not outlive its keeper, must not
// wait for an end without a bound, and dies of what it cannot mend, so that whoever keeps it starts it again.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SYSADM_FILE } from './cinit/sysadm.ts';
import { defaultBankPath } from './cli-bank.ts';
import { EventLines } from './cli-events.ts';
import { type RunOptions, siteSettings } from './cli-options.ts';
import { type ErrorCode, RekindleError } from './errors.ts';
import { SIGNAL_EXIT_CODES } from './keeper/keeper.ts';
import { type KeeperChannel, KeeperLink } from './keeper/keeper-link.ts';
import { EXIT_ENDED, EXIT_FAILED, EXIT_UNMENDABLE } from './keeper/keeper-policy.ts';
import { KEEPER_VARIABLE, type Supervisor } from './keeper/keeper-protocol.ts';
import { systemTimers } from './keeper/timers.ts';
import { openSite, type Site } from './site.ts';

/** What another start cannot mend. A bank that is owned may be free then. */
const UNMENDABLE: readonly ErrorCode[] = [
  'OPTION_INVALID',
  'BANK_FOREIGN',
  'BANK_VERSION',
  'BANK_DAMAGED',
  'STORAGE_UNAVAILABLE',
  'BACKEND_UNAVAILABLE',
];
/** A shutdown that takes longer is given up. */
const SHUTDOWN_LIMIT_MS = 10_000;
/** A site without work must not end because nothing keeps the event loop: any period does. */
const IDLE_PERIOD_MS = 60_000;

/** Runs a site in this process, which ends with it. Under a keeper it is the keeper that is told how it fares, else `supervisor`. */
export function runSite(options: RunOptions, supervisor: Supervisor, say: (line: string) => void): void {
  const send = process.send?.bind(process);
  const isKept = process.env[KEEPER_VARIABLE] !== undefined;
  // Not for what this process may start: the channel of that would not be a keeper's.
  delete process.env[KEEPER_VARIABLE];
  if (send === undefined || !isKept) {
    new RunningSite(options, supervisor, say).begin(false);
    return;
  }
  const channel: KeeperChannel = {
    send: (message, sent) => void send(message, undefined, undefined, sent),
  };
  new RunningSite(options, new KeeperLink(channel, process.env), say).begin(true);
}

class RunningSite {
  readonly #options: RunOptions;
  readonly #supervisor: Supervisor;
  readonly #say: (line: string) => void;
  readonly #events: EventLines;
  /** The open site; null before. */
  #site: Site | null = null;
  #opening: Promise<void> | null = null;
  #isRestarting = false;
  #isEnding = false;

  constructor(options: RunOptions, supervisor: Supervisor, say: (line: string) => void) {
    this.#options = options;
    this.#supervisor = supervisor;
    this.#say = say;
    this.#events = new EventLines(systemTimers, say);
  }

  begin(isKept: boolean): void {
    const { alivePeriodMs } = this.#supervisor;
    setInterval(() => {
      if (alivePeriodMs !== null) this.#supervisor.alive();
    }, alivePeriodMs ?? IDLE_PERIOD_MS);
    if (isKept) this.#heedKeeper();
    else this.#heedUser();
    process.on('SIGHUP', () => void this.#restart());
    this.#opening = this.#open();
  }

  /** A terminal and a service manager signal the whole group: that the keeper's signal comes second does not mean more haste. */
  #heedKeeper(): void {
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => void this.#end(EXIT_ENDED));
    process.on('disconnect', () => {
      this.#say('the keeper is gone');
      void this.#end(EXIT_FAILED);
    });
    // It may have gone before we listened.
    if (!process.connected) void this.#end(EXIT_FAILED);
  }

  #heedUser(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (this.#isEnding) process.exit(SIGNAL_EXIT_CODES[signal]);
        void this.#end(EXIT_ENDED);
      });
    }
  }

  async #open(): Promise<void> {
    const { storage, bank, cold, sync, backend, settings } = this.#options;
    try {
      const path = bank ?? defaultBankPath(storage);
      const site = await openSite({
        stableStorage: storage,
        bank: { path, start: cold ? 'cold' : 'hot', sync },
        backend,
        listeners: this.#events.listeners,
        ...siteSettings(settings),
      });
      this.#opened(site, path);
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      this.#say(error.message);
      process.exit(UNMENDABLE.includes(error.code) ? EXIT_UNMENDABLE : EXIT_FAILED);
    }
  }

  #opened(site: Site, path: string): void {
    const say = this.#say;
    // That a group is blocked, or the bank lost, is not said here: the site has a line of its own for each on the console.
    const quarantined = (group: number, reason: string): void =>
      say(`group ${group}: quarantined: ${reason}`);
    site.on('quarantined', ({ group, reason }) => quarantined(group, reason));
    this.#site = site;
    const { groups, sysadmFailures } = site.report();
    if (site.start === 'cold' && sysadmFailures.length === 0 && !this.#hasCommands()) {
      // Where the commands' own lines go. A site without any does nothing, which is seldom what was meant.
      process.stdout.write(`C_INIT: no ${SYSADM_FILE} in stable storage\n`);
    }
    const start = site.start === 'cold' ? 'cold start' : 'hot restart';
    const status = `site open on ${path} (${start}), ${census(site)}`;
    say(`${status}, pid ${process.pid}`);
    for (const { kind, name, reason } of site.losses) say(`lost: ${kind} ${name}: ${reason}`);
    for (const { group, phase, reason } of groups) {
      if (phase === 'quarantined') quarantined(group, reason ?? '');
    }
    if (!this.#isEnding) this.#supervisor.ready(status);
  }

  #hasCommands(): boolean {
    return existsSync(join(this.#options.storage, SYSADM_FILE));
  }

  /** From its images. What goes wrong beyond that is nothing to live on with: it ends the process. */
  async #restart(): Promise<void> {
    const site = this.#site;
    if (site === null || this.#isRestarting || this.#isEnding) {
      this.#say('SIGHUP is ignored: the site is not open, or is being restarted or shut down');
      return;
    }
    this.#isRestarting = true;
    this.#supervisor.reloading();
    await site.restart();
    this.#isRestarting = false;
    if (this.#isEnding) return;
    const status = `site restarted, ${census(site)}`;
    this.#say(status);
    this.#supervisor.ready(status);
  }

  async #end(exitCode: number): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#supervisor.stopping();
    setTimeout(() => {
      this.#say(`not shut down within ${SHUTDOWN_LIMIT_MS} ms`);
      process.exit(EXIT_FAILED);
    }, SHUTDOWN_LIMIT_MS);
    await this.#opening;
    await this.#site?.shutdown();
    this.#events[Symbol.dispose]();
    process.exit(exitCode);
  }
}

function census(site: Site): string {
  const { processes, groups } = site.report();
  const quarantinedCount = groups.filter(({ phase }) => phase === 'quarantined').length;
  const quarantined = quarantinedCount === 0 ? '' : `, ${quarantinedCount} quarantined`;
  return `${counted(processes.length, 'process', 'processes')} in ${counted(groups.length, 'group', 'groups')}${quarantined}`;
}

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
