// sysadm.ini against a site that only notes what it is asked for: the order, what a hot start leaves out, the environment, the tables,
// and that a failure is named by its line and stops nothing.
import { describe, expect, it } from 'vitest';
import type { ArunOptions } from '#runtime/cinit/arun-options.js';
import type { CommandSite } from '#runtime/cinit/commands.js';
import { runSysadm } from '#runtime/cinit/sysadm.js';
import { RekindleError } from '#runtime/errors.js';
import { InvariantViolation } from '#runtime/invariant.js';
import { MAX_ARGUMENT_COUNT } from '#runtime/limits.js';

const MISSING = 'missing.wasm';
const BROKEN = 'broken.wasm';

/** Notes what it is asked for; starts everything but MISSING. */
class NotingSite implements CommandSite {
  readonly asked: string[] = [];
  readonly started: { readonly path: string; readonly options: ArunOptions }[] = [];
  #pid = 12;

  async arun(path: string, options: ArunOptions): Promise<{ readonly pid: number }> {
    // The next command must wait: it would be noted first otherwise.
    await new Promise((resolve) => setImmediate(resolve));
    if (path === MISSING) throw new RekindleError('MODULE_NOT_FOUND', path);
    if (path === BROKEN) throw new InvariantViolation('a bug');
    this.asked.push(`arun ${path}`);
    this.started.push({ path, options });
    this.#pid += 1;
    return { pid: this.#pid };
  }

  aps(): ReturnType<CommandSite['aps']> {
    const row = { path: 'a.wasm', kind: 'direct', placement: 'thread', generation: 0 } as const;
    return [
      { ...row, uid: 0, pid: 13, name: 'a#1', group: 7, state: 'ready' },
      { ...row, uid: 1000, pid: 14, name: 'größer\nb#2', group: null, state: 'running' },
    ];
  }

  async akill(pid: number): Promise<void> {
    if (pid === 404) throw new RekindleError('PROCESS_UNKNOWN', `pid ${pid}`);
    this.asked.push(`akill ${pid}`);
  }

  async killGroup(group: number): Promise<void> {
    this.asked.push(`killGroup ${group}`);
  }

  async releaseGroup(group: number): Promise<void> {
    this.asked.push(`releaseGroup ${group}`);
  }

  pmstat(): ReturnType<CommandSite['pmstat']> {
    return [
      {
        name: 'LEDGER',
        sizeBytes: 8192,
        key: 'BOOKS',
        group: 7,
        owner: 'a#1',
        system: false,
        mappings: 2,
      },
      { name: '__SYS1', sizeBytes: 4096, key: '', group: null, owner: '', system: true, mappings: 0 },
    ];
  }
}

async function run(text: string, start: 'cold' | 'hot' = 'cold') {
  const site = new NotingSite();
  const written: string[] = [];
  const failures = await runSysadm({ text, start, site, console: (piece) => written.push(piece) });
  return { site, failures, output: written.join('') };
}

describe('the order', () => {
  const text = [
    '# what the site begins with',
    '',
    'echo one',
    'arun -g 3 a.wasm',
    'arun b.wasm',
    'akill -g 9',
    'akill 5 6',
    'release 8',
    'arun -g c.wasm',
    'echo two\r',
    '',
  ].join('\n');

  it('cold: every line, each after the one before it', async () => {
    const { site, failures, output } = await run(text);
    expect(failures).toEqual([]);
    expect(site.asked).toEqual([
      'arun a.wasm',
      'arun b.wasm',
      'killGroup 9',
      'akill 5',
      'akill 6',
      'releaseGroup 8',
      'arun c.wasm',
    ]);
    expect(output).toBe('one\nStarted pid = 13\nStarted pid = 14\nStarted pid = 15\ntwo\n');
  });

  it('hot: all but arun -g, of which it tells how many', async () => {
    const { site, failures, output } = await run(text, 'hot');
    expect(failures).toEqual([]);
    expect(site.asked).toEqual(['arun b.wasm', 'killGroup 9', 'akill 5', 'akill 6', 'releaseGroup 8']);
    expect(output).toBe(
      'one\nStarted pid = 13\ntwo\nC_INIT: sysadm.ini: 2 arun -g lines not run: hot start\n',
    );
  });

  it.each(['cold', 'hot'] as const)('%s: an empty file', async (start) => {
    expect(await run('', start)).toMatchObject({ failures: [], output: '' });
  });
});

describe('failures', () => {
  it('are told with their line and returned, and the next line is run', async () => {
    const { site, failures, output } = await run(
      [`arun ${MISSING}`, 'echo "open', 'akill 1 404 2', 'frobnicate\u001b', 'restart', 'arun a.wasm'].join(
        '\n',
      ),
    );
    const expected = [
      {
        line: 1,
        command: `arun ${MISSING}`,
        reason: `MODULE_NOT_FOUND: ${MISSING}: stable storage holds no such file`,
      },
      { line: 2, command: 'echo "open', reason: 'OPTION_INVALID: column 6: the quote is never closed' },
      {
        line: 3,
        command: 'akill 1 404 2',
        reason: 'PROCESS_UNKNOWN: pid 404: there is no such process',
      },
      {
        line: 4,
        command: 'frobnicate\\u{1b}',
        reason: 'OPTION_INVALID: frobnicate\\u{1b}: there is no such command',
      },
      {
        line: 5,
        command: 'restart',
        reason: 'PERMISSION_DENIED: restart: not in sysadm.ini: the site is being opened',
      },
    ];
    expect(failures).toEqual(expected);
    const told = expected.map(({ line, reason }) => `C_INIT: sysadm.ini:${line}: ${reason}\n`);
    expect(output).toBe(`${told.join('')}Started pid = 13\n`);
    // What comes after the pid that failed, in its own line, is left.
    expect(site.asked).toEqual(['akill 1', 'arun a.wasm']);
  });

  it('a line that cannot be read is told on a hot start too, an arun -g that would fail is not run', async () => {
    const { failures, output } = await run(`arun -g -x a.wasm\narun -g ${MISSING}`, 'hot');
    expect(failures.map(({ line, reason }) => [line, reason])).toEqual([
      [1, 'OPTION_INVALID: arun -x: there is no such option'],
    ]);
    expect(output.split('\n').slice(1)).toEqual([
      'C_INIT: sysadm.ini: 1 arun -g line not run: hot start',
      '',
    ]);
  });

  it('a file that is too much is refused as a whole', async () => {
    const { site, failures, output } = await run(`arun a.wasm\n${'\n'.repeat(10_000)}`);
    const reason = 'OPTION_INVALID: sysadm.ini: has more than 10000 lines';
    expect(failures).toEqual([{ line: 0, command: '', reason }]);
    expect(output).toBe(`C_INIT: sysadm.ini: ${reason}\n`);
    expect(site.asked).toEqual([]);
  });

  it('a bug is no failure of a line', async () => {
    await expect(run(`arun ${BROKEN}\necho x`)).rejects.toThrow(InvariantViolation);
  });
});

describe('the environment', () => {
  it('is that of the lines before, and an option of the line itself goes above it', async () => {
    const { site } = await run(
      [
        'arun a.wasm',
        'setenv A 1',
        'setenv B "x y"',
        'setenv __proto__ p',
        'arun a.wasm',
        'setenv A 2',
        'unsetenv B',
        'unsetenv NEVER',
        'arun -g -e C=3 -e A=4 a.wasm',
        'arun a.wasm',
      ].join('\n'),
    );
    expect(site.started.map(({ options }) => Object.entries(options.env ?? {}))).toEqual([
      [],
      [
        ['A', '1'],
        ['B', 'x y'],
        ['__proto__', 'p'],
      ],
      [
        ['A', '4'],
        ['__proto__', 'p'],
        ['C', '3'],
      ],
      [
        ['A', '2'],
        ['__proto__', 'p'],
      ],
    ]);
  });

  it('is set on a hot start too', async () => {
    const { site } = await run('setenv A 1\narun -g a.wasm\narun b.wasm', 'hot');
    expect(site.started).toEqual([
      { path: 'b.wasm', options: { restartable: false, args: [], env: { A: '1' } } },
    ]);
  });

  it('has no more variables than a process may have', async () => {
    const lines = Array.from({ length: MAX_ARGUMENT_COUNT }, (_, index) => `setenv V${index} x`);
    const { failures } = await run(
      [...lines, 'setenv MORE x', 'setenv V0 y', 'unsetenv V1', 'setenv MORE x'].join('\n'),
    );
    expect(failures.map(({ line, reason }) => [line, reason])).toEqual([
      [MAX_ARGUMENT_COUNT + 1, `OPTION_INVALID: setenv: there are ${MAX_ARGUMENT_COUNT} variables already`],
    ]);
  });
});

describe('tables', () => {
  it('aps has a line for each process, and a name cannot break it', async () => {
    const { output } = await run('aps');
    expect(output.split('\n')).toEqual([
      'UID   PID  NAME            STATE    GROUP  PLACEMENT  GENERATION',
      '0     13   a#1             ready    7      thread     0',
      '1000  14   größer\\u{a}b#2  running  -      thread     0',
      '',
    ]);
  });

  it('pmstat has a line for each block', async () => {
    const { output } = await run('pmstat');
    expect(output.split('\n')).toEqual([
      'NAME    SIZE  KEY    GROUP  OWNER  MAPPINGS',
      'LEDGER  8192  BOOKS  7      a#1    2',
      '__SYS1  4096  -      -      -      0',
      '',
    ]);
  });
});
