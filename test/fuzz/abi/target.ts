// The imports `hr`, `pmm` and `env` under hostile arguments: real guests of a real site, inline, whose every call is one execution. What they answer
// has to be what the ABI knows, the books have to agree with it, and at the end nothing may be left.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as errors from '#abi/errors.js';
import {
  type ArunOptions,
  GuestFaultError,
  openSite,
  type Process,
  RekindleError,
  type Site,
} from '#runtime/index.js';
import type { SeededRandom } from '#test/support/seeded-random.js';
import { demand, type Tally } from '../tally.js';
import { AbiArguments, type AbiCall } from './arguments.js';
import { demandBooks, demandUsage } from './books.js';
import { around } from './embedder.js';
import { ABI_IMPORT_NAMES, type AbiImport, abiGuest, GUEST_PAGES, idleGuest } from './guest-module.js';

const CALLS = 500;
const PAGE_BYTES = 4096;
const MiB = 1024 * 1024;
const USAGE_EVERY = 50;
const KN_ERRORS = new Set<number>([
  errors.K_OK,
  errors.K_EINVAL,
  errors.K_EFAULT,
  errors.K_ENOMEM,
  errors.K_EPRIV,
  errors.K_EUNKNOWN,
]);
const ERRNOS = new Set<number>(
  Object.entries(errors).flatMap(([name, value]) => (name.startsWith('E') ? [value] : [])),
);
/** What a call may reject with when the process has been stopped in it, or is not there any more. */
const STOPPED = new Set(['PROCESS_RESTARTED', 'PROCESS_ENDED', 'PROCESS_RESTARTING', 'PROCESS_UNKNOWN']);
/** When the site is full of what guests have made. */
const FULL = new Set(['BANK_FULL', 'BLOCK_LIMIT', 'PROCESS_LIMIT', 'GROUP_LIMIT']);
/** What is called more often than the rest: it leaves something behind. */
const FAVOURED: readonly AbiImport[] = [
  ...Array<AbiImport>(8).fill('pmm pmmAllocate'),
  ...Array<AbiImport>(4).fill('pmm pmmFree'),
  ...Array<AbiImport>(2).fill('pmm pmmFreeAll'),
  ...Array<AbiImport>(3).fill('hr hrfexec'),
];
/** End or restart something. */
const RARE: readonly AbiImport[] = ['env abort', 'hr hrKillGroup'];
const RARE_EVERY = 60;
const COMMON = [...FAVOURED, ...ABI_IMPORT_NAMES.filter((name) => !RARE.includes(name))];

const importsUrl = new URL('./embedder.js', import.meta.url).href;
const GUESTS: readonly ArunOptions[] = [
  { group: 1, credentials: { trusted: true } },
  { group: 2, credentials: { uid: 5, gid: 5 } },
  { restartable: false },
];

export class AbiTarget implements Disposable {
  static readonly CALLS = CALLS;
  readonly #storage: string;

  static make(place: string): AbiTarget {
    const storage = mkdtempSync(join(place, 'abi-'));
    writeFileSync(join(storage, 'guest.wasm'), abiGuest());
    writeFileSync(join(storage, 'idle.wasm'), idleGuest());
    writeFileSync(join(storage, 'bad.wasm'), 'no module');
    return new AbiTarget(storage);
  }

  private constructor(storage: string) {
    this.#storage = storage;
  }

  async run(random: SeededRandom, tally: Tally): Promise<void> {
    await using site = await openSite({
      stableStorage: this.#storage,
      backend: random.oneOf(['mapped', 'copied']),
      limits: {
        bankSizeBytes: 4 * MiB,
        maxBlocks: 64,
        maxProcesses: 12,
        maxGroups: 8,
        memoryQuotaBytes: MiB,
      },
      policy: { maxBadness: Number.POSITIVE_INFINITY, maxFutileFailures: Number.POSITIVE_INFINITY },
      warmWorkers: 0,
      sysadm: 'ignore',
      output: () => undefined,
    });
    const session = new Session(site, random, tally);
    await session.begin();
    for (let call = 0; call < CALLS; call += 1) await session.step(call);
    await session.finish();
  }

  [Symbol.dispose](): void {}
}

class Session {
  readonly #site: Site;
  readonly #random: SeededRandom;
  readonly #tally: Tally;
  readonly #arguments: AbiArguments;
  readonly #guests: Process[] = [];
  readonly #firstUsedBytes: number;

  constructor(site: Site, random: SeededRandom, tally: Tally) {
    this.#site = site;
    this.#random = random;
    this.#tally = tally;
    this.#arguments = new AbiArguments(random);
    this.#firstUsedBytes = site.report().bank.usedBytes;
  }

  async begin(): Promise<void> {
    for (const index of GUESTS.keys()) this.#guests[index] = await this.#start(index);
  }

  async step(call: number): Promise<void> {
    const random = this.#random;
    const name = random.below(RARE_EVERY) === 0 ? random.oneOf(RARE) : random.oneOf(COMMON);
    const index = random.below(GUESTS.length);
    const guest = this.#guests[index] as Process;
    const pids = this.#site.aps().map(({ pid }) => pid);
    const made = this.#arguments.for(name, pids);
    this.#tally.begin(`${guest.name}: ${name}(${made.args.join(', ')})`);
    if (!this.#call(guest, name, made)) await this.#revive(index);
    if (call % USAGE_EVERY === 0) demandUsage(this.#site);
  }

  /** Everything that has been made is given back. */
  async finish(): Promise<void> {
    demandUsage(this.#site);
    await this.#endAll();
    const { bank, blocks, processes } = this.#site.report();
    demand(processes.length === 0, () => `${processes.length} processes are left`);
    demand(blocks.length === 0, () => `blocks are left: ${blocks.map(({ name }) => name).join()}`);
    const leftBytes = bank.usedBytes - this.#firstUsedBytes;
    demand(leftBytes === 0, () => `${leftBytes} bytes of the bank are left in use`);
  }

  /** False when the guest has to be looked after. */
  #call(guest: Process, name: AbiImport, made: AbiCall): boolean {
    const { args, blockName } = made;
    const isPmm = name.startsWith('pmm');
    const before = isPmm ? this.#site.pmstat() : [];
    let addressSeen: number | null = null;
    let isHeld = true;
    around.before = (memory) => {
      for (const { at, bytes } of made.staged) memory.set(bytes, at);
      isHeld = made.staged.every(({ at, bytes }) =>
        Buffer.from(bytes).equals(memory.subarray(at, at + bytes.length)),
      );
    };
    around.after = (memory) => {
      if (name === 'pmm pmmAllocate') addressSeen = wordAt(memory, (args[0] ?? 0) >>> 0);
    };
    const status = this.#answer(guest, name, args);
    if (status === null) return false;
    this.#judge(guest, name, status);
    if (!isPmm) return true;
    demandBooks(before, this.#site.pmstat(), { name, status, blockName: isHeld ? blockName : null });
    if (name === 'pmm pmmAllocate' && status === 0) demandAddress(addressSeen);
    return true;
  }

  /** Null when the run is over. */
  #answer(guest: Process, name: AbiImport, args: readonly number[]): number | null {
    try {
      return Number(guest.callSync(name, args) ?? 0);
    } catch (error) {
      if (error instanceof GuestFaultError) {
        const { kind, message } = error.fault;
        const isAbort = name === 'env abort' && kind === 'trap' && message.startsWith('abort: ');
        demand(isAbort, () => `it faults: ${kind}: ${message}`);
        this.#tally.saw('fault: abort');
      } else if (error instanceof RekindleError && STOPPED.has(error.code))
        this.#tally.saw(`stopped: ${error.code}`);
      else throw error;
      return null;
    }
  }

  #judge(guest: Process, name: AbiImport, status: number): void {
    const isKnown = name.startsWith('pmm')
      ? KN_ERRORS.has(status)
      : name.startsWith('hr')
        ? Number.isSafeInteger(status) && (status >= 0 || ERRNOS.has(-status))
        : true;
    demand(isKnown, () => `it answers ${status}`);
    if (name === 'hr agetId') demand(status === guest.pid, () => `it is ${guest.pid}, and is told ${status}`);
    if (name === 'env seed') demand(status >= 0 && status < 1, () => `the seed is ${status}`);
    const isRefusal = status < 0 && !name.startsWith('env');
    this.#tally.saw(isRefusal ? `${name}: ${status}` : `${name}: done`);
  }

  async #start(index: number): Promise<Process> {
    const options = { ...GUESTS[index], placement: 'inline', importsUrl } as const;
    const process = await this.#site.arun('guest.wasm', options);
    await process.ready();
    return process;
  }

  /** Back to where calls can be made: by itself after a fault, anew after its end. */
  async #revive(index: number): Promise<void> {
    const guest = this.#guests[index] as Process;
    if (guest.group !== null && this.#site.process(guest.name) === guest) {
      try {
        await guest.ready();
        return;
      } catch (error) {
        if (!(error instanceof RekindleError && STOPPED.has(error.code))) throw error;
      }
    }
    try {
      this.#guests[index] = await this.#start(index);
    } catch (error) {
      if (!(error instanceof RekindleError && FULL.has(error.code))) throw error;
      this.#tally.saw(`begun anew: ${error.code}`);
      await this.#endAll();
      await this.begin();
    }
  }

  async #endAll(): Promise<void> {
    for (const { group, pid } of this.#site.aps())
      if (group === null) await this.#site.akill(pid);
      else await this.#site.killGroup(group);
    for (const { name, system } of this.#site.pmstat()) if (!system) this.#site.pmm.free(name);
  }
}

function wordAt(memory: Uint8Array, at: number): number {
  if (at + 4 > memory.length) return -1;
  return new DataView(memory.buffer, memory.byteOffset).getUint32(at, true);
}

function demandAddress(address: number | null): void {
  const isSound = address !== null && address >= GUEST_PAGES * PAGE_BYTES && address % PAGE_BYTES === 0;
  demand(isSound, () => `a block is said to be at ${address}`);
}
