// The standard streams of a process: where what it writes goes, and where what it reads comes from, in either placement and through restarts.
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ArunOptions, Process, StdioOptions } from '#runtime/index.js';
import { MAX_CAPTURED_BYTES } from '#runtime/limits.js';
import { number, openProbeSite, type ProbeSite, refusal } from '#test/support/probe-site.js';
import { PLACEMENTS, until } from '#test/support/scenario.js';
import { TEST_GUESTS } from '#test/support/test-guests.js';

const CHARACTER_DEVICE = 2;
const [STDIN, STDOUT, STDERR] = [0, 1, 2];

const open = async (): Promise<ProbeSite> => openProbeSite({ stableStorage: TEST_GUESTS });

async function start(opened: ProbeSite, options: ArunOptions): Promise<Process> {
  const process = await opened.site.arun('files.wasm', { group: 1, ...options });
  await opened.ready(process);
  return process;
}

const read = async (process: Process, maxBytes: number): Promise<string> =>
  String(await process.call('read', [STDIN, maxBytes], { returns: 'string' }));

async function crash(opened: ProbeSite, process: Process): Promise<void> {
  await refusal(process.call('trap'));
  await opened.ready(process);
}

describe.each(PLACEMENTS)('%s', (placement) => {
  it('output goes to the site unless it is led elsewhere', async () => {
    const opened = await open();
    const pieces: string[] = [];
    const stream = new PassThrough();
    const routes: readonly ArunOptions['stdio'][] = [
      {},
      { stdout: 'ignore', stderr: 'site' },
      { stdout: (bytes) => pieces.push(Buffer.from(bytes).toString()), stderr: stream },
    ];
    for (const [index, stdio] of routes.entries()) {
      const process = await start(opened, { placement, ...(stdio === undefined ? {} : { stdio }) });
      await number(process, 'write', STDOUT, `out ${index}\n`);
      await number(process, 'write', STDERR, `err ${index}\n`);
    }
    await until('everything has arrived', () => pieces.length > 0 && stream.readableLength > 0);
    expect(opened.output()).toBe('out 0\nerr 0\nerr 1\n');
    expect([pieces, String(stream.read())]).toEqual([['out 2\n'], 'err 2\n']);
  });

  it('captured output is kept until it is taken, through restarts, the newest of it', async () => {
    const opened = await open();
    const process = await start(opened, { placement, stdio: { stdout: 'capture' } });
    await number(process, 'write', STDOUT, 'one ');
    await crash(opened, process);
    await number(process, 'write', STDOUT, 'two');
    const taken = () => process.takeOutput('stdout');
    const first = taken();
    expect([Buffer.from(first.bytes).toString(), first.lostBytes]).toEqual(['one two', 0]);
    expect(taken()).toEqual({ bytes: new Uint8Array(0), lostBytes: 0 });
    const piece = 'x'.repeat(100_000);
    for (let sent = 0; sent <= MAX_CAPTURED_BYTES; sent += piece.length)
      await number(process, 'write', STDOUT, piece);
    await number(process, 'write', STDOUT, 'end');
    const { bytes, lostBytes } = taken();
    expect([bytes.length, Buffer.from(bytes.subarray(-3)).toString()]).toEqual([MAX_CAPTURED_BYTES, 'end']);
    expect(bytes.length + lostBytes).toBe(11 * piece.length + 3);
    expect(() => process.takeOutput('stdin' as never)).toThrow(/OPTION_INVALID/);
  });

  it('input is at its end when nothing is given', async () => {
    expect(await read(await start(await open(), { placement }), 10)).toBe('');
  });

  it('bytes are read from the beginning by every run, and from where it was after a checkpoint', async () => {
    const opened = await open();
    const stdin = Buffer.from('Hello, world');
    const process = await start(opened, { placement, stdio: { stdin } });
    stdin.fill(0);
    expect([await read(process, 7), await read(process, 100), await read(process, 100)]).toEqual([
      'Hello, ',
      'world',
      '',
    ]);
    await crash(opened, process);
    expect(await read(process, 7)).toBe('Hello, ');
    await process.checkpoint();
    expect(await read(process, 2)).toBe('wo');
    await crash(opened, process);
    expect(await read(process, 100)).toBe('world');
  });

  it('a stream is read as far as it is asked for, to its end', async () => {
    const opened = await open();
    const stream = Readable.from([Buffer.from('Hello'), Buffer.from(', world')], { objectMode: false });
    const process = await start(opened, { placement, stdio: { stdin: stream } });
    let text = '';
    for (let piece = 'x', rounds = 0; piece !== '' && rounds < 1000; rounds += 1) {
      piece = await read(process, 4);
      // A guest in this thread cannot wait for what the thread has yet to bring.
      if (piece.startsWith('errno')) await new Promise(setImmediate);
      else text += piece;
    }
    expect(text).toBe('Hello, world');
  });

  it('a stream is a terminal where it leads to one, and the site is taken for one', async () => {
    const opened = await open();
    const asTerminal = () => Object.assign(new PassThrough(), { isTTY: true });
    const streams: readonly (readonly [StdioOptions, stdin: number, stdout: number])[] = [
      [{}, 0, CHARACTER_DEVICE],
      [{ stdin: Buffer.from('x'), stdout: 'capture' }, 0, 0],
      [{ stdin: new PassThrough(), stdout: () => undefined }, 0, 0],
      [{ stdin: asTerminal(), stdout: asTerminal() }, CHARACTER_DEVICE, CHARACTER_DEVICE],
      [{ stdin: 'empty', stdout: new PassThrough() }, 0, 0],
      [{ stdin: 'empty', stdout: 'ignore' }, 0, 0],
    ];
    for (const [stdio, stdin, stdout] of streams) {
      const process = await start(opened, { placement, stdio });
      const types = [await number(process, 'filetype', STDIN), await number(process, 'filetype', STDOUT)];
      expect(types).toEqual([stdin, stdout]);
    }
  });
});

it('a guest in a thread waits for a stream, and can be ended while it does', async () => {
  const opened = await open();
  const stream = new PassThrough();
  const process = await start(opened, { placement: 'thread', stdio: { stdin: stream } });
  const reading = read(process, 100);
  stream.write('late');
  expect(await reading).toBe('late');
  const waiting = refusal(process.call('read', [STDIN, 10], { returns: 'string' }));
  await until('it waits', () => stream.listenerCount('readable') > 0);
  await opened.site.akill(process.pid);
  expect((await waiting).code).toBe('PROCESS_RESTARTED');
  await opened.ready(process);
  // It is read by the run that asks now, and not for the one that had waited.
  stream.end('last');
  expect(await read(process, 100)).toBe('last');
  expect(await read(process, 100)).toBe('');
});
