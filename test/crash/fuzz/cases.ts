// One case of the fuzzer after another: a bank, damaged by what its number says, opened and judged. A case that throws is a failure
// like any other; nothing of a case is left to the next one.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenBankFiles } from '#runtime/bank/bank-directory.js';
import { DirectoryFiles } from '#runtime/bank/directory-files.js';
import { type BankImage, MemoryFiles } from '#test/support/memory-files.js';
import { SeededRandom } from '#test/support/seeded-random.js';
import { Judge } from './judge.js';
import { lie } from './lies.js';
import { type Files, mutate, type Region, regionsOf } from './mutations.js';
import { type CheckContent, isRefusal, type Outcome, openForInspection } from './opening.js';
import { makeSpecimens, type Specimen } from './specimens.js';
import { STRANGE_FILES, type StrangeFile } from './strange-files.js';
import { tryWholeSite } from './whole-site.js';

export interface CaseResult {
  readonly label: string;
  /** One line; null when all is well. */
  readonly failure: string | null;
}

interface Subject {
  readonly specimen: Specimen;
  readonly regions: readonly Region[];
  readonly donors: readonly BankImage[];
  readonly judge: Judge;
  /** The files of one case after another: new ones for each would cost more than all else. */
  readonly buffers: ReadonlyMap<string, Buffer>;
}

const WAYS = { memory: 90, directory: 7, strange: 1, lie: 4 } as const;
const WHOLE_SITE_EVERY = 50;
const REOPEN_EVERY = 10;

export class FuzzCases implements Disposable {
  readonly #scratch: string;
  readonly #storage: string;
  readonly #subjects: readonly Subject[];

  /** Makes the banks in a directory of its own in `place`. */
  static async make(place: string): Promise<FuzzCases> {
    const scratch = mkdtempSync(join(place, 'rekindle-fuzz-'));
    try {
      const { all, older, storage } = await makeSpecimens(scratch);
      const subjects = all.map((specimen): Subject => {
        const others = all.filter((each) => each !== specimen).map(({ image }) => image);
        const donors = [...older, ...others].filter((image) => image !== specimen.image);
        const { image } = specimen;
        const buffers = new Map([...image].map(([name, bytes]) => [name, Buffer.alloc(bytes.length)]));
        return { specimen, regions: regionsOf(image), donors, judge: new Judge(image, donors), buffers };
      });
      return new FuzzCases(scratch, storage, subjects);
    } catch (error) {
      rmSync(scratch, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(scratch: string, storage: string, subjects: readonly Subject[]) {
    this.#scratch = scratch;
    this.#storage = storage;
    this.#subjects = subjects;
  }

  async run(seed: number, number: number): Promise<CaseResult> {
    const random = new SeededRandom(seed, number);
    const subject = random.oneOf(this.#subjects);
    let what = 'no damage yet';
    try {
      const told = (text: string): void => {
        what = text;
      };
      const { label, problem } = await this.#runOne(subject, random, number, told);
      return { label, failure: problem === null ? null : this.#tell(seed, number, subject, what, problem) };
    } catch (error) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { label: 'failed', failure: this.#tell(seed, number, subject, what, detail) };
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async #runOne(
    subject: Subject,
    random: SeededRandom,
    number: number,
    told: (what: string) => void,
  ): Promise<{ readonly label: string; readonly problem: string | null }> {
    const way = process.platform === 'linux' ? random.weighted(WAYS) : 'memory';
    const files = freshFiles(subject);
    const isWholeSite = number % WHOLE_SITE_EVERY === 0;
    switch (way) {
      case 'memory': {
        told(mutate(files, subject.regions, subject.donors, random));
        return this.#inMemory(subject, files, { isWholeSite, isReopened: number % REOPEN_EVERY === 0 });
      }
      case 'directory': {
        const what = mutate(files, subject.regions, subject.donors, random);
        const backend = random.oneOf(['mapped', 'mapped', 'copied'] as const);
        told(`${backend}, ${what}`);
        return this.#inDirectory(files, async (path) => {
          const bank = { path, backend, storage: this.#storage };
          const verdict = subject.judge.judge(
            files,
            openForInspection(bank, DirectoryFiles.open, subject.judge.contentCheck(files)),
          );
          if (verdict.problem !== null || !isWholeSite) return verdict;
          const isKnown = !verdict.label.includes('older');
          return { ...verdict, problem: await tryWholeSite(bank, DirectoryFiles.open, { isKnown }) };
        });
      }
      case 'strange': {
        const strange = random.oneOf(STRANGE_FILES);
        const name = random.oneOf(['superblock', 'ledger', 'content', 'lock']);
        told(`${name} is ${strange.what}`);
        return this.#inDirectory(files, (path) => this.#withStrangeFile(path, name, strange));
      }
      case 'lie': {
        told(lie(files, random));
        const outcome = this.#inspect(files);
        const bank = { path: '/memory', backend: 'copied', storage: this.#storage } as const;
        const isTried = outcome.kind === 'opened' && number % REOPEN_EVERY === 0;
        const problem = isTried ? await tryWholeSite(bank, inMemory(files), { isKnown: false }) : null;
        return {
          label: `a lie ${outcome.kind === 'opened' ? 'goes unseen, or costs a process' : 'refused'}`,
          problem,
        };
      }
    }
  }

  async #inMemory(
    { judge }: Subject,
    files: Files,
    { isWholeSite, isReopened }: { readonly isWholeSite: boolean; readonly isReopened: boolean },
  ): Promise<{ readonly label: string; readonly problem: string | null }> {
    const memory = new MemoryFiles(files);
    const outcome = this.#inspect(files, memory, judge.contentCheck(files));
    const verdict = judge.judge(files, outcome);
    if (verdict.problem !== null) return verdict;
    if (memory.openCount > 0) return { ...verdict, problem: `${memory.openCount} files were left open` };
    if (isReopened && outcome.kind === 'opened') {
      const problem = againProblem(outcome, this.#inspect(files, memory));
      if (problem !== null) return { ...verdict, problem };
    }
    if (!isWholeSite) return verdict;
    const isKnown = !verdict.label.includes('older');
    const bank = { path: '/memory', backend: 'copied', storage: this.#storage } as const;
    return { ...verdict, problem: await tryWholeSite(bank, inMemory(files), { isKnown }) };
  }

  #inspect(files: Files, memory = new MemoryFiles(files), checkContent?: CheckContent): Outcome {
    const bank = { path: '/memory', backend: 'copied', storage: this.#storage } as const;
    return openForInspection(bank, () => memory, checkContent);
  }

  async #inDirectory<T>(files: Files, use: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#scratch, 'bank');
    mkdirSync(path, { mode: 0o700 });
    try {
      for (const [name, bytes] of files) writeFileSync(join(path, name), bytes, { mode: 0o600 });
      return await use(path);
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  }

  async #withStrangeFile(path: string, name: string, { what, put }: StrangeFile) {
    put(join(path, name));
    const bank = { path, backend: 'mapped', storage: this.#storage } as const;
    const label = `a strange file refused`;
    try {
      const outcome = openForInspection(bank, DirectoryFiles.open);
      return { label, problem: outcome.kind === 'refused' ? null : `opened although ${name} is ${what}` };
    } catch (error) {
      if (isRefusal(error)) return { label, problem: null };
      throw error;
    }
  }

  #tell(seed: number, number: number, { specimen }: Subject, what: string, problem: string): string {
    return `seed ${seed}, case ${number}, bank ${specimen.name}, ${what}: ${problem}`;
  }
}

/** The same files, however often they are opened. */
function inMemory(files: Files): OpenBankFiles {
  const memory = new MemoryFiles(files);
  return () => memory;
}

function freshFiles({ specimen, buffers }: Subject): Files {
  const files: Files = new Map(buffers);
  for (const [name, bytes] of specimen.image) files.get(name)?.set(bytes);
  return files;
}

/** What was lost has been named once; what is left is there for good. */
function againProblem(before: Extract<Outcome, { kind: 'opened' }>, after: Outcome): string | null {
  if (after.kind === 'refused') return `refused when it was opened again: ${after.message}`;
  if (after.losses.length > 0) return `lost when it was opened again: ${JSON.stringify(after.losses)}`;
  const [wanted, got] = [before, after].map(({ ledger }) => JSON.stringify([...ledger]));
  return wanted === got ? null : `opened again, it holds ${got}, not ${wanted}`;
}
