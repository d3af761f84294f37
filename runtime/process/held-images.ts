// The images one process is restored from: its process image and its generations, and what follows from them for running it. It knows
// nothing of a run, and it never decides which generation is to be current.
import { EXPORT_COMMAND_ENTRY } from '../../abi/hr.ts';
import { type FoundGenerations, Generations } from '../image/generations.ts';
import type { ExportedFunction } from '../image/layout.ts';
import type { ProcessImage } from '../image/process-image.ts';
import type { Bank } from '../memory/bank.ts';
import type { BlockMapping } from '../memory/guest-memory.ts';
import type { BlockClient, PersistentMemoryManager } from '../memory/persistent-memory-manager.ts';
import type { ProcessIdentity } from './identity.ts';
import type { GuestProgram, ImageReference } from './program.ts';

export interface HeldImagesOptions {
  readonly identity: ProcessIdentity;
  readonly bank: Bank;
  readonly pmm: PersistentMemoryManager;
  /** Generations kept beside generation 0. */
  readonly maxGenerations: number;
}

export class HeldImages {
  readonly #options: HeldImagesOptions;
  #image: ProcessImage;
  #generations: Generations;
  #functions: ReadonlyMap<string, ExportedFunction>;

  /** The process image is held for the process by its owner. */
  constructor(options: HeldImagesOptions, image: ProcessImage, found?: FoundGenerations) {
    this.#options = options;
    this.#image = image;
    this.#generations = this.#generationsOf(image, found);
    this.#functions = functionsOf(image);
  }

  get image(): ProcessImage {
    return this.#image;
  }

  get generations(): Generations {
    return this.#generations;
  }

  /** Where the next load finds its image, as long as no other generation becomes the current one. */
  get current(): ImageReference {
    const { generation, offset, headBytes } = this.#generations.current;
    return { generation, offset, headBytes };
  }

  /** What the module exports, by name. */
  get functions(): ReadonlyMap<string, ExportedFunction> {
    return this.#functions;
  }

  get isReactor(): boolean {
    return !this.#functions.has(EXPORT_COMMAND_ENTRY);
  }

  /** Another process image, without generations, in place of the present one, which is returned for its owner to release. */
  replace(image: ProcessImage): ProcessImage {
    this.#generations[Symbol.dispose]();
    const previous = this.#image;
    this.#image = image;
    this.#functions = functionsOf(image);
    this.#generations = this.#generationsOf(image);
    return previous;
  }

  /** The current image's blocks as far as they still exist; the ranges of the others read as zero. */
  reacquireBlocks(client: BlockClient): readonly BlockMapping[] {
    const mappings: BlockMapping[] = [];
    for (const { blockId, address } of this.#generations.current.blocks) {
      const extent = this.#options.pmm.reacquire(client, blockId);
      if (extent !== null) mappings.push({ blockId, address, extent });
    }
    return mappings;
  }

  /** `externals`: what it imports from the embedder, and what its input is. */
  program(externals: Pick<GuestProgram, 'hostFunctions' | 'importsUrl' | 'terminals'>): GuestProgram {
    const { name, args, env, settings } = this.#options.identity;
    const { module, layout, firstStackPointer } = this.#image;
    return {
      hostFunctions: externals.hostFunctions,
      importsUrl: externals.importsUrl,
      terminals: externals.terminals,
      processName: name,
      module,
      layout,
      entryKind: this.isReactor ? 'reactor' : 'command',
      firstStackPointer,
      args,
      env,
      alwaysFresh: settings.restore === 'fresh',
      mounts: settings.mounts,
      descriptors: settings.descriptors,
    };
  }

  #generationsOf(image: ProcessImage, found?: FoundGenerations): Generations {
    const { bank, pmm, maxGenerations: maxKept, identity } = this.#options;
    return new Generations({ bank, pmm, processName: identity.name, image, maxKept }, found);
  }
}

function functionsOf(image: ProcessImage): ReadonlyMap<string, ExportedFunction> {
  return new Map(image.layout.functionExports.map((each) => [each.name, each]));
}
