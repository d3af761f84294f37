// Command lines, by tables: lines, words and commands, and what is refused with the column, command or option named. By properties:
// nothing but a RekindleError is ever thrown, and what is quoted comes back as it was.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommand } from '#runtime/cinit/command-line.js';
import { onOneLine, splitLines, splitWords } from '#runtime/cinit/command-words.js';
import { RekindleError } from '#runtime/errors.js';
import { MAX_LINE_BYTES, MAX_SYSADM_BYTES, MAX_SYSADM_LINES } from '#runtime/limits.js';
import { readText } from '#test/style/source-tree.js';
import { anyText } from '#test/support/any-text.js';

const SEED = 20261122;
const RUNS = 2000;

/** `CODE: culprit: detail` of what is thrown. */
function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof RekindleError) return error.message;
    throw error;
  }
  return 'not refused';
}

describe('lines', () => {
  it.each([
    ['nothing', '', []],
    ['one without an end', 'aps', ['aps']],
    ['one with an end', 'aps\n', ['aps']],
    ['ends of both kinds', 'a\r\nb\n\r\nc', ['a', 'b', '', 'c']],
    ['a carriage return within', 'a\rb\n', ['a\rb']],
    ['a byte order mark', '\uFEFFaps\n\uFEFF', ['aps', '\uFEFF']],
    ['as many as may be', '\n'.repeat(MAX_SYSADM_LINES), Array(MAX_SYSADM_LINES).fill('')],
    ['as much as may be', 'x'.repeat(MAX_SYSADM_BYTES), ['x'.repeat(MAX_SYSADM_BYTES)]],
  ])('%s', (_, text, lines) => {
    expect(splitLines('f', text)).toEqual(lines);
  });

  it.each([
    ['too many', '\n'.repeat(MAX_SYSADM_LINES + 1), `OPTION_INVALID: f: has more than 10000 lines`],
    ['too much', 'x'.repeat(MAX_SYSADM_BYTES + 1), `OPTION_INVALID: f: is larger than 1048576 bytes`],
    [
      'too much in bytes',
      'ü'.repeat(MAX_SYSADM_BYTES / 2 + 1),
      `OPTION_INVALID: f: is larger than 1048576 bytes`,
    ],
  ])('%s', (_, text, message) => {
    expect(refusal(() => splitLines('f', text))).toBe(message);
  });

  it('a byte that was not UTF-8 counts as one', () => {
    expect(splitLines('f', '\udc80'.repeat(MAX_SYSADM_BYTES))).toHaveLength(1);
  });
});

describe('words', () => {
  it.each([
    ['', []],
    [' \t ', []],
    ['a', ['a']],
    ['  a \t b  ', ['a', 'b']],
    ['# a', []],
    ['  # a', []],
    ['a # b', ['a']],
    ['a#b', ['a#b']],
    ['a "#" b', ['a', '#', 'b']],
    ['a \\# b', ['a', '#', 'b']],
    [`'a b'`, ['a b']],
    [`"a b"`, ['a b']],
    [`''`, ['']],
    [`"" a ''`, ['', 'a', '']],
    [`a"b c"d'e f'g`, ['ab cde fg']],
    [`'"' "'"`, ['"', "'"]],
    [`"a\\"b\\\\c"`, ['a"b\\c']],
    [`'a\\b'`, ['a\\b']],
    ['a\\ b', ['a b']],
    ['\\n', ['n']],
    [`"a#b" '#'`, ['a#b', '#']],
    ['größe 日本語 \u{1F600}', ['größe', '日本語', '\u{1F600}']],
    ['a\rb\vc\u00a0d', ['a\rb\vc\u00a0d']],
  ])('%j', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it.each([
    [`echo 'a`, 'column 6: the quote is never closed'],
    [`echo "a'b'`, 'column 6: the quote is never closed'],
    [`\u{1F600} '`, 'column 3: the quote is never closed'],
    [`"a\\"`, 'column 1: the quote is never closed'],
    ['a \\', 'column 3: a backslash ends the line'],
    [`'a\\' '`, 'column 6: the quote is never closed'],
    ['ab\udcff', 'column 3: is not UTF-8'],
    ['# \ud800', 'column 3: is not UTF-8'],
    ['\u{1F600}\udc80', 'column 2: is not UTF-8'],
    ['a\0b', 'column 2: a NUL character'],
    ['x'.repeat(MAX_LINE_BYTES + 1), 'line: is longer than 65536 bytes'],
    ['ü'.repeat(MAX_LINE_BYTES / 2 + 1), 'line: is longer than 65536 bytes'],
    [`'`.repeat(MAX_LINE_BYTES - 1), 'column 65535: the quote is never closed'],
  ])('%j', (line, message) => {
    expect(refusal(() => splitWords(line))).toBe(`OPTION_INVALID: ${message}`);
  });

  it('a line as long as may be', () => {
    expect(splitWords('x'.repeat(MAX_LINE_BYTES))).toEqual(['x'.repeat(MAX_LINE_BYTES)]);
    expect(splitWords('a '.repeat(MAX_LINE_BYTES / 2))).toHaveLength(MAX_LINE_BYTES / 2);
  });
});

describe('commands', () => {
  it.each([
    ['', null],
    ['# aps', null],
    ['aps', { kind: 'aps' }],
    [' "aps" # all of them', { kind: 'aps' }],
    ['pmstat', { kind: 'pmstat' }],
    ['echo', { kind: 'echo', words: [] }],
    ['echo -n "a  b" c', { kind: 'echo', words: ['-n', 'a  b', 'c'] }],
    ['akill 3', { kind: 'akill', pids: [3] }],
    ['akill 3 40 5', { kind: 'akill', pids: [3, 40, 5] }],
    ['akill -g 7', { kind: 'akill-group', group: 7 }],
    ['release 7', { kind: 'release', group: 7 }],
    ['setenv A 1', { kind: 'setenv', name: 'A', value: '1' }],
    ['setenv A ""', { kind: 'setenv', name: 'A', value: '' }],
    ['setenv __proto__ x', { kind: 'setenv', name: '__proto__', value: 'x' }],
    ['unsetenv A', { kind: 'unsetenv', name: 'A' }],
  ])('%s', (line, command) => {
    expect(parseCommand(line)).toEqual(command);
  });

  const plain = { restartable: false, args: [] };
  it.each([
    ['arun a.wasm', plain],
    ['arun a.wasm -g 3 "x y" ""', { restartable: false, args: ['-g', '3', 'x y', ''] }],
    ['arun -g a.wasm', { group: 0, args: [] }],
    ['arun -g 7 a.wasm', { group: 7, args: [] }],
    ['arun -g 007 a.wasm', { group: 7, args: [] }],
    ['arun -g -- a.wasm', { group: 0, args: [] }],
    ['arun -g -z a.wasm', { group: 0, cleanExit: 'zero', args: [] }],
    ['arun -p thread a.wasm', { ...plain, placement: 'thread' }],
    ['arun -p inline a.wasm', { ...plain, placement: 'inline' }],
    ['arun -u 5 a.wasm', { ...plain, credentials: { uid: 5 } }],
    ['arun -u 5:6 a.wasm', { ...plain, credentials: { uid: 5, gid: 6 } }],
    ['arun -t -u 5 a.wasm', { ...plain, credentials: { uid: 5, trusted: true } }],
    [
      'arun -d /in=/srv/in -D /out=/srv/a=b -V /db=data a.wasm',
      {
        ...plain,
        mounts: {
          '/in': { kind: 'host', path: '/srv/in' },
          '/out': { kind: 'host', path: '/srv/a=b', access: 'read-write' },
          '/db': { kind: 'volume', volume: 'data' },
        },
      },
    ],
    ['arun -e A=1 -e B= -e C=x=y -e A=2 a.wasm', { ...plain, env: { A: '2', B: '', C: 'x=y' } }],
    ['arun -l 250 a.wasm', { ...plain, callLimitMs: 250 }],
    ['arun -L 0.5 a.wasm', { ...plain, entryLimitMs: 0.5 }],
    ['arun -m 1048576 a.wasm', { ...plain, memoryQuotaBytes: 1048576 }],
    [
      'arun -g 1 -p inline -u 2:3 -t -e A=b -l 4 -L 5 -m 65536 -z a.wasm c',
      {
        group: 1,
        placement: 'inline',
        credentials: { uid: 2, gid: 3, trusted: true },
        env: { A: 'b' },
        callLimitMs: 4,
        entryLimitMs: 5,
        memoryQuotaBytes: 65536,
        cleanExit: 'zero',
        args: ['c'],
      },
    ],
  ])('%s', (line, options) => {
    expect(parseCommand(line)).toEqual({ kind: 'arun', path: 'a.wasm', options });
  });

  it('a path of digits, or one that looks like an option, behind the end of the options', () => {
    expect(parseCommand('arun -g -- 42')).toEqual({
      kind: 'arun',
      path: '42',
      options: { group: 0, args: [] },
    });
    expect(parseCommand('arun -- -g -g')).toEqual({
      kind: 'arun',
      path: '-g',
      options: { ...plain, args: ['-g'] },
    });
  });

  it('an own variable named __proto__', () => {
    const command = parseCommand('arun -e __proto__=x a.wasm');
    expect(command?.kind === 'arun' && Object.entries(command.options.env ?? {})).toEqual([
      ['__proto__', 'x'],
    ]);
  });
});

describe('refused, by name', () => {
  it.each([
    ['frobnicate', 'frobnicate: there is no such command'],
    ['APS', 'APS: there is no such command'],
    ['""', ': there is no such command'],
    ['constructor', 'constructor: there is no such command'],
    ['"a\u001b[2Jb"', 'a\\u{1b}[2Jb: there is no such command'],
    ['aps -l', `aps: does not take '-l'`],
    ['pmstat x', `pmstat: does not take 'x'`],
    ['arun', 'arun: needs the path of a module'],
    ['arun -g', 'arun: needs the path of a module'],
    ['arun -g 7', 'arun: needs the path of a module'],
    ['arun -x a.wasm', 'arun -x: there is no such option'],
    ['arun -g7 a.wasm', 'arun -g7: there is no such option'],
    ['arun --group 7 a.wasm', 'arun --group: there is no such option'],
    ['arun - a.wasm', 'arun -: there is no such option'],
    ['arun -g 1 -g 2 a.wasm', 'arun -g: is given twice'],
    ['arun -z -z a.wasm', 'arun -z: is given twice'],
    ['arun -g 99999999999999999999 a.wasm', `arun -g: takes a whole number, not '99999999999999999999'`],
    ['arun -p', 'arun -p: needs a placement'],
    ['arun -p process a.wasm', `arun -p: takes thread or inline, not 'process'`],
    ['arun -u root a.wasm', `arun -u: takes a whole number, not 'root'`],
    ['arun -u 1: a.wasm', `arun -u: takes a whole number, not ''`],
    ['arun -u :1 a.wasm', `arun -u: takes a whole number, not ''`],
    ['arun -u 1:2:3 a.wasm', `arun -u: takes a whole number, not '2:3'`],
    ['arun -u -1 a.wasm', `arun -u: takes a whole number, not '-1'`],
    ['arun -e A a.wasm', `arun -e: takes NAME=value, not 'A'`],
    ['arun -d /in a.wasm', `arun -d: takes GUESTPATH=SOURCE, not '/in'`],
    ['arun -d /a=/b -V /a=c a.wasm', 'arun -V: /a is mounted already'],
    ['arun -e =x a.wasm', `arun -e: '' is not a name of an environment variable`],
    ['arun -e', 'arun -e: needs NAME=value'],
    ['arun -l soon a.wasm', `arun -l: takes a number of milliseconds, not 'soon'`],
    ['arun -l 1e9 a.wasm', `arun -l: takes a number of milliseconds, not '1e9'`],
    ['arun -L -1 a.wasm', `arun -L: takes a number of milliseconds, not '-1'`],
    ['arun -L', 'arun -L: needs a limit'],
    ['arun -m 1M a.wasm', `arun -m: takes a whole number, not '1M'`],
    ['arun -m', 'arun -m: needs a quota'],
    ['akill', 'akill: needs a pid'],
    ['akill all', `akill: takes a whole number, not 'all'`],
    ['akill 1 x', `akill: takes a whole number, not 'x'`],
    ['akill 1 -g 2', `akill: takes a whole number, not '-g'`],
    ['akill -g', 'akill -g: needs a group'],
    ['akill -g x', `akill -g: takes a whole number, not 'x'`],
    ['akill -g 1 2', `akill: does not take '2'`],
    ['release', 'release: needs a group'],
    ['release -g', `release: takes a whole number, not '-g'`],
    ['release 1 2', `release: does not take '2'`],
    ['setenv', 'setenv: needs a name and a value'],
    ['setenv A', 'setenv: needs a value'],
    ['setenv A b c', `setenv: does not take 'c'`],
    ['setenv "" b', `setenv: '' is not a name of an environment variable`],
    ['setenv A=b c', `setenv: 'A=b' is not a name of an environment variable`],
    ['unsetenv', 'unsetenv: needs a name'],
    ['unsetenv A B', `unsetenv: does not take 'B'`],
  ])('%s', (line, message) => {
    expect(refusal(() => parseCommand(line))).toBe(`OPTION_INVALID: ${message}`);
  });

  it.each(['restart', 'shutdown', 'shutdown -i 1'])('%s, which would end what is being opened', (line) => {
    const [name] = line.split(' ');
    expect(refusal(() => parseCommand(line))).toBe(
      `PERMISSION_DENIED: ${name}: not in sysadm.ini: the site is being opened`,
    );
  });
});

describe('docs/sysadm.md', () => {
  const page = readText('docs/sysadm.md');
  const rows = (pattern: RegExp) => new Set([...page.matchAll(pattern)].map(([, name = '']) => name));

  it('shows a file of which every line can be read', () => {
    const [, example = ''] = /```ini\n([\s\S]*?)```/.exec(page) ?? [];
    const kinds = splitLines('example', example).map((line) => parseCommand(line)?.kind ?? 'nothing');
    expect(kinds).toEqual(['nothing', 'setenv', 'arun', 'arun', 'aps']);
  });

  it('lists commands that there are', () => {
    const commands = rows(/^\| `([a-z]+)/gm);
    expect(commands.size).toBe(10);
    for (const name of commands) {
      expect([name, refusal(() => parseCommand(name))]).not.toEqual([
        name,
        `OPTION_INVALID: ${name}: there is no such command`,
      ]);
    }
  });

  it('lists options that there are', () => {
    const options = rows(/^\| `(-\w)/gm);
    expect(options.size).toBe(12);
    for (const option of options) {
      const message = refusal(() => parseCommand(`arun ${option}`));
      expect([option, message]).toEqual([option, expect.stringMatching(/: needs |: takes /)]);
    }
  });
});

describe('what is shown', () => {
  it.each([
    ['as it is', 'größe "x" \u{1F600}', 'größe "x" \u{1F600}'],
    ['line ends and controls', 'a\nb\r\u001b\u2028\u009b', 'a\\u{a}b\\u{d}\\u{1b}\\u{2028}\\u{9b}'],
    ['unpaired surrogates', '\udc80', '\\u{dc80}'],
    ['directions', 'a\u202eb', 'a\\u{202e}b'],
    ['as much as is shown', '\u{1F600}'.repeat(400), '\u{1F600}'.repeat(400)],
    ['more', '\u{1F600}'.repeat(401), `${'\u{1F600}'.repeat(400)}...`],
  ])('%s', (_, text, shown) => {
    expect(onOneLine(text)).toBe(shown);
  });
});

describe('properties', () => {
  const settings = { seed: SEED, numRuns: RUNS };
  // Every character a word can hold: no NUL.
  const word = anyText({ maxLength: 12 }).map((text) => text.replaceAll('\0', ' '));
  const quotes: readonly ((text: string) => string)[] = [
    (text) => `'${text.replaceAll("'", `'"'"'`)}'`,
    (text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`,
    (text) => (text === '' ? "''" : [...text].map((character) => `\\${character}`).join('')),
  ];

  it('a quoted word comes back as it was, however it is quoted', () => {
    const quoted = fc.array(fc.tuple(word, fc.constantFrom(...quotes)), { maxLength: 6 });
    fc.assert(
      fc.property(quoted, fc.constantFrom(' ', '\t', '  \t'), (pairs, blank) => {
        const line = pairs.map(([text, quote]) => quote(text)).join(blank);
        expect(splitWords(`${blank}${line}${blank}# 'x`)).toEqual(pairs.map(([text]) => text));
      }),
      settings,
    );
  });

  it('any line is a command, nothing, or refused by name', () => {
    const token = fc.constantFrom(
      ...['arun', 'aps', 'pmstat', 'akill', 'echo', 'setenv', 'unsetenv', 'restart', 'shutdown'],
      ...[
        '-g',
        '-p',
        '-u',
        '-t',
        '-e',
        '-l',
        '-L',
        '-m',
        '-d',
        '-D',
        '-V',
        '-z',
        '--',
        'inline',
        'A=b',
        '7',
        '1:2',
      ],
      ...["'", '"', '\\', '#', ' ', '\t', '\0', '\ud800', '\udc80', 'a.wasm', '-1', '1e400'],
    );
    const line = fc.oneof(
      fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join(' ')),
      fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join('')),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => {
        return String.fromCharCode(...units);
      }),
    );
    const seen = new Set<string>();
    fc.assert(
      fc.property(line, (text) => {
        try {
          seen.add(parseCommand(text)?.kind ?? 'nothing');
        } catch (error) {
          expect(error).toBeInstanceOf(RekindleError);
          seen.add((error as RekindleError).code);
        }
      }),
      settings,
    );
    expect([...seen]).toEqual(expect.arrayContaining(['OPTION_INVALID', 'PERMISSION_DENIED', 'nothing']));
    expect(seen.has('echo')).toBe(true);
  });

  it('what is shown is one short line', () => {
    fc.assert(
      fc.property(anyText({ maxLength: 1000 }), (text) => {
        expect(onOneLine(text)).toMatch(/^[^\n\r\u2028\u2029\p{Cs}]{0,3700}$/u);
      }),
      settings,
    );
  });
});
