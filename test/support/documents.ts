// The documentation as the tests see it: its pages, and what each holds of code, links and headings. It reads Markdown by simple
// patterns, as far as our own pages use it, and must not judge what it finds.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { ROOT } from './run-program.js';

export interface Page {
  /** From the root of the repository, '/'-separated. */
  readonly path: string;
  readonly text: string;
  /** Fenced blocks, in order. */
  readonly blocks: readonly { readonly language: string; readonly code: string }[];
  /** Code spans of the running text and of tables, without their backticks. */
  readonly spans: readonly string[];
  /** Targets of links. */
  readonly links: readonly string[];
  /** Headings as the fragments of links name them. */
  readonly anchors: readonly string[];
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;

function fragmentOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .trim()
    .replaceAll(' ', '-');
}

function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const prose = text.replaceAll(FENCE, '');
  const firstGroups = (pattern: RegExp): string[] =>
    [...prose.matchAll(pattern)].map(([, group = '']) => group);
  return {
    path,
    text,
    blocks: [...text.matchAll(FENCE)].map(([, language = '', code = '']) => ({ language, code })),
    spans: firstGroups(/`([^`\n]+)`/g),
    links: firstGroups(/\]\(([^)\s]+)\)/g),
    anchors: firstGroups(/^#+ (.+)$/gm).map(fragmentOf),
  };
}

/** Every page there is: those at the root, those of the guests, and all below docs/. */
export function readPages(): readonly Page[] {
  const below = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((path) =>
    posix.join('docs', path.replaceAll('\\', '/')),
  );
  const paths = [
    'README.md',
    'CHANGELOG.md',
    'guests/README.md',
    ...below.filter((path) => path.endsWith('.md')),
  ];
  return paths.sort().map(readPage);
}
