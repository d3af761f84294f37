// The house rules as tests over the source tree: who may import whom, no cycles, no dead files, sizes, opening comments, file
// names and words. A breach is reported as a sentence that names the file.
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { danglingImports, findCycle, tableBreaches, unreachableFiles } from './import-rules.js';
import { listFiles, readSources, readText, SOURCE_DIRECTORIES } from './source-tree.js';

const MAX_FILE_LINES = 400;
const MAX_LINE_CHARACTERS = 160;
/** What starts the runtime: the package's entry, its command, and what a worker thread is started with. */
const RUNTIME_ENTRIES = ['runtime/index.ts', 'runtime/cli.ts', 'runtime/process/worker-main.ts'];
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|mjs|c|h|rs|go)$/;
const DIRECTORY_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
/** The compiler takes an import module's name from the name of the file that declares it. */
const IMPORT_MODULE_DECLARATIONS = ['abi/assemblyscript/imports/', 'test/guests/imports/'];
/** Named as programs written for the original include them. */
const NAMED_BY_OTHERS = ['chPmm.h', 'hrCtrl.h', 'vitest.config.ts'];
// Put together here, so that this file does not hold them itself.
const FORBIDDEN_WORDS = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
  ['@ts-', 'ignore'],
  ['@ts-', 'nocheck'],
  ['as ', 'any'],
].map((parts) => parts.join(''));

const sources = readSources();
const runtimeSources = sources.filter(({ path }) => path.startsWith('runtime/'));
const scripts = ['vitest.config.ts', ...listFiles(['guests', 'scripts'], ['.mjs'])];
/** Guests in other languages, and the headers of the ABI. */
const foreign = listFiles(['abi', 'guests', 'test/guests'], ['.c', '.h', '.rs', '.go']);
const texts = [...sources, ...[...scripts, ...foreign].map((path) => ({ path, text: readText(path) }))];

it('looks at every room', () => {
  const tops = new Set(sources.map(({ path }) => path.split('/')[0]));
  expect([...tops].sort()).toEqual([...SOURCE_DIRECTORIES].sort());
});

describe('imports', () => {
  it('keep to the table', () => {
    expect(tableBreaches(sources)).toEqual([]);
  });

  it('name files that exist', () => {
    expect(danglingImports(sources)).toEqual([]);
  });

  it('form no cycle', () => {
    expect(findCycle(sources)).toBeNull();
  });

  it('reach every file of the runtime', () => {
    expect(unreachableFiles(runtimeSources, RUNTIME_ENTRIES)).toEqual([]);
  });
});

describe('files', () => {
  it(`have at most ${MAX_FILE_LINES} lines`, () => {
    const lineCount = (text: string) => text.replace(/\n$/, '').split('\n').length;
    expect(texts.filter(({ text }) => lineCount(text) > MAX_FILE_LINES).map(({ path }) => path)).toEqual([]);
  });

  it(`have lines of at most ${MAX_LINE_CHARACTERS} characters`, () => {
    const breaches = texts.flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, index) => ([...line].length > MAX_LINE_CHARACTERS ? [`${path}:${index + 1}`] : [])),
    );
    expect(breaches).toEqual([]);
  });

  it('open with a comment of at least one sentence', () => {
    expect(texts.filter(({ text }) => !opensWithSentence(text)).map(({ path }) => path)).toEqual([]);
  });

  it('have names of lower-case words joined by hyphens', () => {
    const wellNamed = (path: string) => {
      const parts = path.split('/');
      const directories = parts.slice(0, -1);
      const declaresImports = IMPORT_MODULE_DECLARATIONS.some((directory) => path.startsWith(directory));
      const file = declaresImports ? (parts.at(-1) ?? '').replaceAll('_', '-') : (parts.at(-1) ?? '');
      return directories.every((name) => DIRECTORY_NAME.test(name)) && FILE_NAME.test(file);
    };
    const paths = texts
      .map(({ path }) => path)
      .filter((path) => !NAMED_BY_OTHERS.includes(posix.basename(path)));
    expect(paths.filter((path) => !wellNamed(path))).toEqual([]);
  });

  it.each(FORBIDDEN_WORDS)('do not say "%s"', (word) => {
    const wholeWord = new RegExp(`(?<!\\w)${word}(?!\\w)`);
    expect(texts.filter(({ text }) => wholeWord.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

/** Whether the first lines, after a `#!` line, are a `//` comment that holds a sentence: words and a full stop. */
function opensWithSentence(text: string): boolean {
  const lines = text.split('\n');
  const start = lines[0]?.startsWith('#!') ? 1 : 0;
  const end = lines.findIndex((line, index) => index >= start && !line.startsWith('//'));
  const comment = lines.slice(start, end).map((line) => line.slice(2).trim());
  return /\w+\W+\w+.*\.(?:\s|$)/.test(comment.join(' '));
}
