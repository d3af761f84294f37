// The documentation against what there is: the README's programs are run, and whatever a page names (commands, files, links, code) has
// to exist. Tables that claim to be complete have to be.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as errno from '#abi/errors.js';
import * as hr from '#abi/hr.js';
import { ERROR_CODES, openSite } from '#runtime/index.js';
import { WASI_FUNCTION_NAMES } from '#runtime/wasi/preview1.js';
import { type Page, readPages } from '#test/support/documents.js';
import { ROOT, runNode } from '#test/support/run-program.js';
import { listFiles, readText } from '../style/source-tree.js';

const pages = readPages();

function page(path: string): Page {
  const found = pages.find((each) => each.path === path);
  if (found === undefined) throw new Error(`there is no page ${path}`);
  return found;
}

function block(path: string, language: string, containing: string): string {
  const found = page(path).blocks.filter(
    (each) => each.language === language && each.code.includes(containing),
  );
  if (found.length !== 1)
    throw new Error(`${path} has ${found.length} blocks of ${language} with ${containing}`);
  return found[0]?.code ?? '';
}

/** Where the sample guests lie for somebody who has installed the package. */
const asInAProject = (code: string): string =>
  code.replace("new URL('../guests/build', import.meta.url)", "'node_modules/rekindle/guests/build'");

describe('the README', () => {
  it('embeds a site in ten lines that are those of the example, and they run', async () => {
    const code = block('README.md', 'js', "site.on('restarted'");
    expect(code).toBe(asInAProject(readText('examples/embed.mjs')));
    expect(code.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10);
    const { exitCode, stdout, stderr } = await runNode(['examples/embed.mjs']);
    expect({ exitCode, stderr, lines: stdout.trimEnd().split('\n') }).toEqual({
      exitCode: 0,
      stderr: '',
      lines: ['41 1n', 'GUEST_FAULT: counter#1: trap in crash: unreachable', 'group 7 is back', '40 1n'],
    });
  });

  it('shows a bank by the lines of the example', () => {
    const example = readText('examples/bank.mjs');
    expect(block('README.md', 'js', 'bank })')).toBe(asInAProject(example.slice(example.indexOf('import '))));
  });

  it('gives the command lines that the package and the integration run', () => {
    const commands = page('README.md')
      .blocks.filter(({ language }) => language === 'sh')
      .map(({ code }) => code.trim());
    expect(commands.slice(0, 2)).toEqual(['npm ci && npm run demo', 'npm ci && npm test']);
    expect(readText('.ci/run')).toMatch(/^npm ci && npm test$/m);
  });
});

describe("the README's guest", () => {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-readme-'));

  beforeAll(async () => {
    mkdirSync(join(directory, 'node_modules'));
    symlinkSync(ROOT, join(directory, 'node_modules/rekindle'));
    writeFileSync(join(directory, 'visits.ts'), block('README.md', 'ts', 'VISITS'));
    const command = block('README.md', 'sh', 'npx asc').trim().split(' ');
    const compiler = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
    const { exitCode, stderr } = await runNode([compiler, '--baseDir', directory, ...command.slice(2)]);
    if (exitCode !== 0) throw new Error(stderr);
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('has ten lines and counts on after a restart', async () => {
    expect(block('README.md', 'ts', 'VISITS').trimEnd().split('\n')).toHaveLength(10);
    await expectVisitsCounted('visits.wasm');
  });

  it('is the same in C', async () => {
    writeFileSync(join(directory, 'visits.c'), block('README.md', 'c', 'VISITS'));
    const command = block('README.md', 'sh', 'cc.mjs').trim().split(' ');
    expect(command[0]).toBe('node');
    const { exitCode, stderr } = await runNode(command.slice(1), { directory });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    await expectVisitsCounted('visits-c.wasm');
  });

  async function expectVisitsCounted(file: string): Promise<void> {
    const site = await openSite({ stableStorage: directory });
    try {
      const visits = await site.arun(file, { placement: 'inline' });
      expect(await visits.call('visit')).toBe(1);
      await site.akill(visits.pid);
      expect(await visits.call('visit')).toBe(2);
    } finally {
      await site.shutdown();
    }
  }
});

const DIRECTORIES = ['abi', 'bench', 'docs', 'examples', 'guests', 'runtime', 'scripts', 'test'];
const FILE_NAME = /^\.?[\w\-/]+(?:\.[\w-]+)*\.(?:ts|mjs|md|json|wasm|c|rs|go)$/;
const PATH_IN_TREE = new RegExp(`^(?:${DIRECTORIES.join('|')})/[\\w\\-./]*$`);
const files = listFiles(DIRECTORIES, ['.ts', '.mjs', '.md', '.wasm', '.c', '.h', '.rs', '.go']);
const fileNames = new Set(files.map((path) => posix.basename(path)));

function looksLikePath(span: string): boolean {
  return FILE_NAME.test(span) || PATH_IN_TREE.test(span);
}

/** Whether a path names something: from the root, or any file of that name when it is no more than a name. */
function exists(span: string): boolean {
  return existsSync(join(ROOT, span)) || (!span.includes('/') && fileNames.has(span));
}

const TEXTS = [
  ...listFiles(['abi', 'bench', 'examples', 'guests', 'runtime', 'scripts'], ['.ts', '.mjs']),
  ...listFiles(['abi', 'guests'], ['.c', '.h', '.rs', '.go']),
  'test/style/import-rules.ts',
  'vitest.config.ts',
  'package.json',
  'asconfig.json',
  'tsconfig.json',
  '.ci/run',
].map(readText);
const words = new Set(TEXTS.flatMap((text) => text.match(/[A-Za-z_]\w*/g) ?? []));

/** Names of the world outside, which nothing here has to hold. */
const FOREIGN = ['atexit', 'bindings', 'mmutable', 'rgnAllocate', 'strerror'];

describe.each(pages.map((each) => [each.path, each] as const))('%s', (path, { spans, links, text }) => {
  it('mentions npm scripts that exist', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Readonly<Record<string, string>> };
    const mentioned = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(mentioned.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('links to pages, files and headings that exist', () => {
    const dead = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [target = '', fragment] = link.split('#');
      const linked = target === '' ? path : posix.join(posix.dirname(path), target);
      if (!existsSync(join(ROOT, linked))) return true;
      return fragment !== undefined && !page(linked).anchors.includes(fragment);
    });
    expect(dead).toEqual([]);
  });

  it('mentions files that exist', () => {
    expect(spans.filter((span) => looksLikePath(span) && !exists(span))).toEqual([]);
  });

  it('mentions names that the code has', () => {
    const code = spans.filter(
      (span) => !looksLikePath(span) && !span.startsWith('npm ') && !span.startsWith('npx '),
    );
    const names = code.flatMap(
      (span) => span.replaceAll(/'[^']*'|"[^"]*"/g, '').match(/[A-Za-z_]\w*/g) ?? [],
    );
    const unknown = names.filter((name) => !words.has(name) && !FOREIGN.includes(name));
    expect([...new Set(unknown)]).toEqual([]);
  });
});

/** First cells of the rows of a page's tables: the spans in them. */
function tabled(path: string): ReadonlySet<string> {
  const rows = page(path)
    .text.split('\n')
    .filter((line) => line.startsWith('|'));
  return new Set(rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)));
}

describe('tables', () => {
  it('list every error code with its meaning', () => {
    const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
    const { text } = page('docs/failure-model.md');
    const compact = text.replaceAll(/ {2,}/g, ' ');
    expect(rows.filter((row) => !compact.includes(row))).toEqual([]);
  });

  it('list every errno and KnError with its number', () => {
    const compact = page('docs/guest-abi.md').text.replaceAll(/ {2,}/g, ' ');
    const rows = Object.entries(errno).map(([name, value]) => `| \`${name}\` | ${value} |`);
    expect(rows.filter((row) => !compact.includes(row))).toEqual([]);
  });

  it('list every import and every cause', () => {
    const listed = tabled('docs/guest-abi.md');
    const imports = ['hr', 'pmm'].flatMap((module) =>
      [...readText(`abi/assemblyscript/imports/${module}.ts`).matchAll(/declare function (\w+)/g)].map(
        ([, name = '']) => name,
      ),
    );
    expect([...imports, ...WASI_FUNCTION_NAMES].filter((name) => !listed.has(name))).toEqual([]);
    const { text } = page('docs/guest-abi.md');
    const causes = Object.entries(hr).filter(([name]) => name.startsWith('CAUSE_'));
    expect(causes.filter(([name, value]) => !new RegExp(`\`${name}\` \\(?${value}\\b`).test(text))).toEqual(
      [],
    );
  });

  it('list every file of the runtime', () => {
    const listed = tabled('docs/ARCHITECTURE.md');
    expect(listFiles(['runtime'], ['.ts']).filter((path) => !listed.has(path))).toEqual([]);
  });

  it('name invariants that are where they say', () => {
    const section = /## \d+\. Invariants\n([\s\S]*?)\n## /.exec(page('docs/ARCHITECTURE.md').text)?.[1] ?? '';
    const rows = [...section.matchAll(/^\| (.+?) +\| `([^`]+)` +\|$/gm)];
    expect(rows.length).toBeGreaterThan(20);
    const missing = rows.filter(([, claim = '', path = '']) => !readText(path).includes(claim));
    expect(missing.map(([, claim, path]) => `${path}: ${claim}`)).toEqual([]);
  });

  it('list every kind of fault', () => {
    const kinds = /export type FaultKind =([\s\S]*?);/.exec(readText('runtime/process/fault.ts'))?.[1] ?? '';
    const listed = tabled('docs/failure-model.md');
    const names = [...kinds.matchAll(/'([^']+)'/g)].map(([, name = '']) => name);
    expect(names).toContain('worker-lost');
    expect(names.filter((name) => !listed.has(name))).toEqual([]);
  });
});
