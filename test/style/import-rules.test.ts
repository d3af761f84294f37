// That the import rules find what they are for, on files made up here: the rules hold for the source tree only as far as
// these cases show.
import { describe, expect, it } from 'vitest';
import { danglingImports, findCycle, tableBreaches, unreachableFiles } from './import-rules.js';
import { parseImports, type SourceFile } from './source-tree.js';

/** Files by path, each with the statements in it. */
function tree(texts: Readonly<Record<string, string>>): readonly SourceFile[] {
  return Object.entries(texts).map(([path, text]) => ({ path, text, imports: parseImports(path, text) }));
}

/** Put together, so that this file itself refers to no worker. */
function workerUrl(specifier: string): string {
  return `const url = new URL('${specifier}', import.meta.url);`;
}

describe('parsing', () => {
  it.each([
    ["import { a } from './x.ts';", 'runtime/memory/x.ts', false],
    ["import type { A } from '../limits.ts';", 'runtime/limits.ts', true],
    ["import { type A, b } from './x.ts';", 'runtime/memory/x.ts', false],
    ["import\n  a,\n  { b }\nfrom './x.ts';", 'runtime/memory/x.ts', false],
    ["import {\n  a,\n  type B,\n} from './x.ts';", 'runtime/memory/x.ts', false],
    ["import * as all from './x.ts';", 'runtime/memory/x.ts', false],
    ["import type from './x.ts';", 'runtime/memory/x.ts', false],
    ["import './x.ts';", 'runtime/memory/x.ts', false],
    ["export * from './x.ts';", 'runtime/memory/x.ts', false],
    ["export type { A } from './x.ts';", 'runtime/memory/x.ts', true],
    ["import { a } from '#abi/hr.js';", 'abi/hr.ts', false],
    ["import { a } from './x';", 'runtime/memory/x.ts', false],
    [workerUrl('./worker.js'), 'runtime/memory/worker.ts', false],
    ["import { join } from 'node:path';", null, false],
  ])('%s', (text, target, typesOnly) => {
    expect(parseImports('runtime/memory/y.ts', text)).toEqual([
      expect.objectContaining({ target, typesOnly }),
    ]);
  });

  it.each([
    "export const from = 'x';",
    "// import { a } from './x.ts';",
    'const text = "import { a } from \'./x.ts\'";',
    "export function load(): string {\n  return 'x';\n}",
    "export interface A {\n  kind: 'a';\n}",
  ])('finds none in %j', (text) => {
    expect(parseImports('runtime/memory/y.ts', text)).toEqual([]);
  });

  it('finds each of several', () => {
    const text = "import a from './a.ts';\nimport type { B } from './b.ts';\n\nexport { c } from './c.ts';\n";
    expect(parseImports('runtime/y.ts', text).map(({ target }) => target)).toEqual([
      'runtime/a.ts',
      'runtime/b.ts',
      'runtime/c.ts',
    ]);
  });
});

describe('the import table', () => {
  const importing = (from: string, statement: string) =>
    tableBreaches(tree({ [from]: statement })).length === 0;

  it.each([
    ['abi/hr.ts', "import { a } from '../runtime/limits.ts';", false],
    ['abi/assemblyscript/hr.ts', "import { a } from '../hr.ts';", true],
    ['guests/counter.ts', "import { a } from '../abi/assemblyscript/index.ts';", true],
    ['guests/counter.ts', "import { a } from '../runtime/limits.ts';", false],
    ['guests/counter.ts', "export { __stack_pointer } from 'memory';", true],
    ['guests/counter.ts', "import { a } from 'koffi';", false],
    ['guests/counter.ts', "import { a } from 'node:fs';", false],
    ['runtime/limits.ts', "import { a } from './memory/bank.ts';", false],
    ['runtime/storage/a.ts', "import { a } from '../errors.ts';", true],
    ['runtime/storage/a.ts', "import { a } from '../memory/bank.ts';", false],
    ['runtime/system/a.ts', "import { a } from 'koffi';", true],
    ['runtime/system/a.ts', "import { a } from '../memory/bank.ts';", false],
    ['runtime/memory/a.ts', "import { a } from 'koffi';", false],
    ['runtime/memory/a.ts', "import { a } from '../bank/ledger.ts';", true],
    ['runtime/bank/a.ts', "import { a } from '../system/libc.ts';", true],
    ['runtime/bank/a.ts', "import { a } from '../memory/bank.ts';", false],
    ['runtime/process/a.ts', "import { a } from '../bank/ledger.ts';", false],
    ['runtime/image/a.ts', "import { a } from 'koffi';", false],
    ['runtime/image/a.ts', "import { a } from '../memory/bank.ts';", true],
    ['runtime/image/a.ts', "import { a } from '../process/guest.ts';", false],
    ['runtime/wasi/a.ts', "import { a } from '../../abi/errors.ts';", true],
    ['runtime/wasi/a.ts', "import type { A } from '../memory/bank.ts';", false],
    ['runtime/process/a.ts', "import { a } from '../wasi/preview1.ts';", true],
    ['runtime/process/a.ts', "import { a } from '../storage/stable-storage.ts';", false],
    ['runtime/controller/a.ts', "import { a } from '../process/guest.ts';", true],
    ['runtime/controller/a.ts', "import { a } from '../wasi/preview1.ts';", false],
    ['runtime/cinit/a.ts', "import type { Site } from '../site.ts';", true],
    ['runtime/cinit/a.ts', "import { openSite } from '../site.ts';", false],
    ['runtime/site.ts', "import { a } from './storage/stable-storage.ts';", true],
    ['runtime/site.ts', "import { a } from './index.ts';", false],
    ['runtime/index.ts', "export * from './site.ts';", true],
    ['runtime/site-bank.ts', "import { a } from './bank/ledger.ts';", true],
    ['runtime/keeper/a.ts', "import { a } from '../system/unix-datagram.ts';", true],
    ['runtime/keeper/a.ts', "import type { A } from '../site.ts';", false],
    ['runtime/cli-run.ts', "import { a } from './keeper/keeper.ts';", true],
    ['runtime/site.ts', "import { a } from './keeper/keeper.ts';", false],
    ['runtime/unknown/a.ts', "import { a } from '../errors.ts';", false],
    ['runtime/memory/a.ts', "import { a } from '../../test/support/a.ts';", false],
    ['runtime/memory/a.ts', "import { a } from 'vitest';", false],
    ['runtime/memory/a.ts', "import { a } from 'node:fs';", true],
    ['test/unit/a.test.ts', "import { a } from '#runtime/site.js';", true],
  ])('%s: %s', (from, statement, allowed) => {
    expect(importing(from, statement)).toBe(allowed);
  });
});

describe('the other rules', () => {
  const chain = tree({
    'runtime/index.ts': "export * from './site.ts';",
    'runtime/site.ts': "import { a } from './cinit/a.ts';",
    'runtime/cinit/a.ts': `import type { Site } from '../site.ts';\n${workerUrl('./worker.js')}`,
    'runtime/cinit/worker.ts': '',
  });

  it('see no cycle in types imported upwards, and reach a worker by its URL', () => {
    expect(findCycle(chain)).toBeNull();
    expect(unreachableFiles(chain, ['runtime/index.ts'])).toEqual([]);
    expect(danglingImports(chain)).toEqual([]);
  });

  it('find a cycle, of types too', () => {
    const cycle = {
      'runtime/memory/a.ts': "import { b } from './b.ts';",
      'runtime/memory/b.ts': "import { c } from './c.ts';",
      'runtime/memory/c.ts': "import type { B } from './b.ts';",
    };
    expect(findCycle(tree(cycle))).toEqual([
      'runtime/memory/b.ts',
      'runtime/memory/c.ts',
      'runtime/memory/b.ts',
    ]);
  });

  it('find a file nobody imports, and an import of nothing', () => {
    const files = tree({
      'runtime/index.ts': "import './gone.ts';",
      'runtime/dead.ts': "import './index.ts';",
    });
    expect(unreachableFiles(files, ['runtime/index.ts'])).toEqual(['runtime/dead.ts']);
    expect(danglingImports(files)).toEqual(["runtime/index.ts imports './gone.ts', which is no source file"]);
  });
});
