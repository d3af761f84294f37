// Programs that nobody wrote for us, in C with its library alone: under Node's own WASI and here they write the same, byte for byte, leave
// the same files, and end with the same status.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeHostDirectory } from '#test/contract/files/file-systems.js';
import { openProbeSite } from '#test/support/probe-site.js';
import { ROOT, runNode } from '#test/support/run-program.js';
import { PLACEMENTS } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const PROGRAM = join(ROOT, 'dist/test/support/node-wasi-program.js');
const ARGS = ['one', '', 'three words here', 'ümlaut'];
const INPUT = 'first\nsecond\nwithout an end';

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
  readonly left: readonly string[];
}

let storage: string;
beforeAll(async () => {
  storage = TEST_GUESTS;
});

/** The warning that Node's own is experimental is Node's. */
const ownWords = (text: string): string =>
  text.replaceAll(/^(\(node:\d+\) ExperimentalWarning|\(Use `).*\n/gm, '');

async function underNode(guest: string): Promise<Ended> {
  using directory = makeHostDirectory();
  const { exitCode, stdout, stderr } = await runNode(
    [PROGRAM, join(storage, `${guest}.wasm`), directory.path, ...ARGS],
    { input: INPUT },
  );
  return { stdout, stderr: ownWords(stderr), status: exitCode, left: readdirSync(directory.path) };
}

async function underRekindle(
  guest: string,
  placement: 'inline' | 'thread',
  kind: 'host' | 'memory' | 'volume',
): Promise<Ended> {
  using directory = makeHostDirectory();
  mkdirSync(join(directory.path, 'work'));
  const opened = await openProbeSite({ stableStorage: storage });
  const process = await opened.site.arun(`${guest}.wasm`, {
    restartable: false,
    placement,
    args: ARGS,
    env: { NAME: 'a value', EMPTY: '' },
    mounts: {
      '/files':
        kind === 'host'
          ? { kind, path: join(directory.path, 'work'), access: 'read-write' }
          : kind === 'memory'
            ? { kind }
            : { kind, volume: 'work' },
    },
    stdio: { stdin: Buffer.from(INPUT), stdout: 'capture', stderr: 'capture' },
  });
  const end = await process.exited;
  const written = (stream: 'stdout' | 'stderr') => Buffer.from(process.takeOutput(stream).bytes).toString();
  return {
    stdout: written('stdout'),
    stderr: written('stderr'),
    status: end.kind === 'exit' ? end.status : null,
    left: readdirSync(join(directory.path, 'work')),
  };
}

describe.each(['wasi-files', 'wasi-streams'])('%s', (guest) => {
  let expected: Ended;
  beforeAll(async () => {
    expected = await underNode(guest);
    expect(expected.status).not.toBe(0);
    expect(expected.stdout.length).toBeGreaterThan(200);
  });

  it.each(PLACEMENTS)('does the same here: %s', async (placement) => {
    expect(await underRekindle(guest, placement, 'host')).toEqual(expected);
  });

  it.each(PLACEMENTS)('does the same in memory: %s', async (placement) => {
    expect(await underRekindle(guest, placement, 'memory')).toEqual(expected);
  });

  it.each(PLACEMENTS)('does the same in a volume: %s', async (placement) => {
    expect(await underRekindle(guest, placement, 'volume')).toEqual(expected);
  });
});
