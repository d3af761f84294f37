// Standard input from streams of every kind an embedder may have: what they give is read byte for byte, nothing but their end is an end, and
// what becomes of them is no end of the host.
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { StreamSource } from '#runtime/process/input-source.js';
import { outliveErrors } from '#runtime/process/stream-errors.js';

const LONG_MS = 60_000;

/** All of it, in pieces of two bytes. */
async function drained(stream: Readable): Promise<string> {
  const source = new StreamSource(stream);
  let text = '';
  for (;;) {
    const reply = await source.read(0, 2, LONG_MS);
    if (reply.kind === 'wait') continue;
    if (reply.kind !== 'bytes') return text;
    expect(reply.bytes.byteLength).toBeGreaterThan(0);
    text += Buffer.from(reply.bytes).toString('latin1');
  }
}

describe('a stream as standard input', () => {
  it.each([
    ['of texts, some of them empty', () => Readable.from(['', 'a', '', '', 'bcd', '']), 'abcd'],
    ['of bytes, some of them none', () => Readable.from([Buffer.alloc(0), Buffer.from('abc')]), 'abc'],
    ['of arrays of other elements', () => Readable.from([Uint16Array.of(0x6261, 0x6463)]), 'abcd'],
    [
      'that decodes what it gives',
      () => {
        const stream = new PassThrough();
        stream.setEncoding('latin1');
        return stream.end(Buffer.of(0xe9, 0x61));
      },
      '\xe9a',
    ],
    ['that was destroyed', () => new PassThrough().destroy(), ''],
  ])('%s', async (_, stream, expected) => {
    expect(await drained(stream())).toBe(expected);
  });

  it('of other things is refused by name, and goes on behind them', async () => {
    const source = new StreamSource(Readable.from([7, 'x']));
    await expect((async () => source.read(0, 9, LONG_MS))()).rejects.toThrow(RekindleError);
    expect(source.read(0, 9, 0)).toEqual({ kind: 'bytes', bytes: Uint8Array.of(0x78) });
  });

  it('that fails is at its end, whether anybody waits for it or not', async () => {
    const [waitedFor, other] = [new PassThrough(), new PassThrough()];
    const sources = [waitedFor, other].map((stream) => new StreamSource(stream));
    const reply = sources[0]?.read(0, 1, LONG_MS);
    for (const stream of [waitedFor, other]) stream.destroy(new Error('it fails'));
    expect(await reply).toEqual({ kind: 'wait' });
    await turn();
    for (const source of sources) expect(source.read(0, 1, 0)).toEqual({ kind: 'end' });
  });

  it('keeps what comes for who asks, not for who has waited and may be gone', async () => {
    const stream = new PassThrough();
    const source = new StreamSource(stream);
    const waited = source.read(0, 9, LONG_MS);
    stream.write('text');
    expect(await waited).toEqual({ kind: 'wait' });
    expect(source.read(0, 9, 0)).toEqual({ kind: 'bytes', bytes: new TextEncoder().encode('text') });
  });

  it('can be waited for by many, and one listener is enough for all', async () => {
    const stream = new PassThrough();
    const before = stream.listenerCount('readable');
    const source = new StreamSource(stream);
    const replies = Array.from({ length: 20 }, () => source.read(0, 1, LONG_MS));
    expect(stream.listenerCount('readable')).toBe(before + 1);
    stream.destroy();
    for (const reply of replies) expect(await reply).toEqual({ kind: 'wait' });
    expect(stream.listenerCount('readable')).toBe(before);
  });
});

it('the error of a stream is heard by others all the same', async () => {
  const stream = new PassThrough();
  const heard: Error[] = [];
  outliveErrors(stream);
  outliveErrors(stream);
  stream.on('error', (error) => heard.push(error));
  const error = new Error('it fails');
  stream.destroy(error);
  await turn();
  expect(heard).toEqual([error]);
  expect(stream.listenerCount('error')).toBe(2);
});
