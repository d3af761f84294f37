// The processes of a site by name and by pid. It hands out pids and generated names and never gives one out twice; it knows nothing
// of groups.
import { PMM_NAME_SIZE } from '../../abi/pmm.ts';
import { RekindleError } from '../errors.ts';
import type { HostedProcess } from '../process/hosted-process.ts';
import type { ProcessState } from '../process/process-state.ts';

const WITHOUT_RUN: readonly ProcessState[] = ['loading', 'stopped', 'ended'];

export class ProcessTable {
  readonly #byName = new Map<string, HostedProcess>();
  readonly #maxProcesses: number;
  #nextPid = 1;
  #nextSerial = 1;

  constructor(maxProcesses: number) {
    this.#maxProcesses = maxProcesses;
  }

  [Symbol.iterator](): IterableIterator<HostedProcess> {
    return this.#byName.values();
  }

  get(name: string): HostedProcess | null {
    return this.#byName.get(name) ?? null;
  }

  /** The process whose current run has this pid. A run begins when its process has been loaded. */
  withPid(pid: number): HostedProcess | null {
    for (const process of this.#byName.values()) {
      if (process.pid === pid && !WITHOUT_RUN.includes(process.state)) return process;
    }
    return null;
  }

  nextPid(): number {
    return this.#nextPid++;
  }

  /** A name for a process that was started without one (reference, section 5.1): that of its file, and a number. */
  generateName(path: string): string {
    const file = path.slice(path.lastIndexOf('/') + 1).replace(/\.wasm$/, '');
    for (;;) {
      const name = `${file}#${this.#nextSerial++}`;
      const short = Buffer.byteLength(name) < PMM_NAME_SIZE ? name : `process#${this.#nextSerial++}`;
      if (!this.#byName.has(short)) return short;
    }
  }

  /** Throws PROCESS_LIMIT when there is no room for another process. */
  requireRoom(culprit: string): void {
    if (this.#byName.size >= this.#maxProcesses) {
      throw new RekindleError('PROCESS_LIMIT', culprit, `all ${this.#maxProcesses} processes are registered`);
    }
  }

  add(process: HostedProcess): void {
    this.#byName.set(process.identity.name, process);
  }

  remove(process: HostedProcess): void {
    this.#byName.delete(process.identity.name);
  }
}
