// Processes without guest code, for tests of what only keeps or asks them: a bank, an image of an empty module, and a placement
// that does nothing but count.
import { RekindleError } from '#runtime/errors.js';
import { ProcessImages } from '#runtime/image/process-image.js';
import { Bank } from '#runtime/memory/bank.js';
import { PersistentMemoryManager } from '#runtime/memory/persistent-memory-manager.js';
import { HostedProcess } from '#runtime/process/hosted-process.js';
import type { Placement } from '#runtime/process/placement.js';
import { sourceOf } from '#test/support/module-source.js';
import { NO_STDIO } from '#test/support/no-stdio.js';
import { assemble } from '#test/support/wasm-assembler.js';

const MiB = 1024 * 1024;

const idlePlacement: Placement = {
  kind: 'inline',
  load: () => undefined,
  launch: () => undefined,
  call: () => Promise.resolve(undefined),
  callSync: () => undefined,
  aim: () => undefined,
  checkpoint: () => 1,
  restore: () => undefined,
  exportImage: () => Uint8Array.of(),
  stop: () => undefined,
  dispose: () => undefined,
};

export class ProcessFixture implements Disposable {
  /** Pids of runs whose volumes have been released. */
  readonly runsOver: number[] = [];
  readonly #bank = Bank.create({ backend: 'copied', sizeBytes: MiB });
  readonly #pmm = new PersistentMemoryManager(this.#bank, { maxBlocks: 64 });
  readonly #images = new ProcessImages(this.#bank, this.#pmm);

  process(name: string): HostedProcess {
    return new HostedProcess({
      identity: {
        name,
        kind: 'direct',
        path: 'empty.wasm',
        groupId: 0,
        args: ['empty.wasm'],
        env: [],
        settings: {
          placement: 'inline',
          credentials: { uid: 0, gid: 0, groups: [], trusted: false },
          memoryQuotaBytes: MiB,
          cleanExit: 'handler',
          callLimitMs: null,
          entryLimitMs: null,
          restore: 'in-place',
          mounts: [],
          descriptors: 'restored',
          stdio: { stdin: 'empty', stdout: 'site', stderr: 'site' },
        },
      },
      image: this.#images.acquire('empty.wasm', sourceOf(assemble({})), {
        memoryQuotaBytes: MiB,
        globals: {},
        restartable: true,
      }),
      bank: this.#bank,
      pmm: this.#pmm,
      volumes: { release: (pid) => this.runsOver.push(pid) },
      maxGenerations: 2,
      past: null,
      program: { hostFunctions: [], importsUrl: null },
      stdio: NO_STDIO,
      globals: {},
      place: () => idlePlacement,
    });
  }

  [Symbol.dispose](): void {
    this.#bank[Symbol.dispose]();
  }
}

/** Ends a run as a kill of its group does. */
export function end(process: HostedProcess): void {
  process.finish({ kind: 'killed' }, new RekindleError('PROCESS_ENDED', process.identity.name));
}
