// The calls of the ABI as a test makes them through the probe: structures laid out byte by byte as abi/ draws them, or wrongly on
// purpose, and the bare number that the host answered.
import { HR_GROUP_KEY, HR_GROUP_KEYSIZE } from '#abi/pmm.js';
import type { Process } from '#runtime/index.js';
import { nameStructure, words } from '#test/support/abi-structures.js';
import { number } from '#test/support/probe-site.js';

export interface Key {
  readonly address: number;
  readonly sizeBytes: number;
}

export interface Allocation {
  /** KnError. */
  readonly status: number;
  /** What the host left in *addr. */
  readonly address: number;
}

/** What *addr holds before the call: no address, so that a host that writes nothing is seen. */
const UNWRITTEN = -1;
const DEFAULT_KEY = 'test key';

export class ProbeCalls {
  readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }

  /** Puts bytes into the guest's memory; their address. */
  place(bytes: Uint8Array): Promise<number> {
    return number(this.process, 'place', new Uint8Array(bytes));
  }

  /** A NUL-terminated text. */
  text(value: string): Promise<number> {
    return this.place(Buffer.from(`${value}\0`));
  }

  /** argv or envp: a null-terminated vector of texts. */
  async vector(values: readonly string[]): Promise<number> {
    const pointers: number[] = [];
    for (const value of values) pointers.push(await this.text(value));
    return this.place(words(...pointers, 0));
  }

  /** A deletion key: the text and its NUL, as C passes a literal and its sizeof; or the very bytes. */
  async key(value: string | Uint8Array): Promise<Key> {
    const bytes = typeof value === 'string' ? Buffer.from(`${value}\0`) : value;
    return { address: await this.place(bytes), sizeBytes: bytes.length };
  }

  groupKey(): Promise<Key> {
    return this.key(Buffer.from(`${HR_GROUP_KEY}\0`).subarray(0, HR_GROUP_KEYSIZE));
  }

  /** pmmAllocate of a block named `name`. */
  async allocate(name: string, sizeBytes: number, key?: Key): Promise<Allocation> {
    return this.allocateNamed(nameStructure(name), sizeBytes, key);
  }

  /** pmmAllocate with a PmmName laid out by the caller. */
  async allocateNamed(name: Uint8Array, sizeBytes: number, key?: Key): Promise<Allocation> {
    const { address: keyAddress, sizeBytes: keySizeBytes } = key ?? (await this.key(DEFAULT_KEY));
    const out = await this.place(words(UNWRITTEN));
    const nameAddress = await this.place(name);
    const status = await this.call('pmmAllocate', out, nameAddress, sizeBytes, keyAddress, keySizeBytes);
    return { status, address: await this.peek(out) };
  }

  /** pmmFree. */
  async free(name: string): Promise<number> {
    return this.call('pmmFree', await this.place(nameStructure(name)));
  }

  /** pmmFreeAll. */
  async freeAll(key: Key): Promise<number> {
    return this.call('pmmFreeAll', key.address, key.sizeBytes);
  }

  peek(address: number): Promise<number> {
    return this.call('peek', address);
  }

  poke(address: number, value: number): Promise<unknown> {
    return this.process.call('poke', [address, value]);
  }

  /** How many bytes from `address` on are not zero. */
  notZero(address: number, sizeBytes: number): Promise<number> {
    return this.call('others', address, 0, sizeBytes);
  }

  /** hrfexec with the library's `form`: the pid, or -errno. */
  async spawn(
    name: string,
    path: string,
    options: { form?: string; args?: readonly string[]; env?: readonly string[] } = {},
  ): Promise<number> {
    const { form = 'v', args = [path], env = [] } = options;
    const pid = await number(this.process, 'spawn', form, name, path, args, env);
    return pid === -1 ? -(await this.call('lastErrno')) : pid;
  }

  call(exportName: string, ...args: readonly number[]): Promise<number> {
    return number(this.process, exportName, ...args);
  }
}
