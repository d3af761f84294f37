// Datagrams over real sockets, named in the file system and abstractly; addresses as bytes; and every way to fail without waiting.
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RekindleError } from '#runtime/errors.js';
import { encodeSocketAddress, UnixDatagramSender } from '#runtime/system/unix-datagram.js';
import { DatagramReceiver } from '#test/support/datagram-receiver.js';

const LINUX = process.platform === 'linux';
/** The longest there can be: 108 bytes of sun_path, with a NUL at the end or at the beginning. */
const LONGEST_NAME = 'x'.repeat(107);

function refusal(action: () => unknown): RekindleError {
  try {
    action();
  } catch (error) {
    if (error instanceof RekindleError) return error;
    throw error;
  }
  throw new Error('it was expected to throw');
}

describe('addresses', () => {
  it.each([
    ['/run/x', '0100 2f72756e2f78 00'],
    ['@x/y', '0100 00 782f79'],
    ['/é', '0100 2fc3a9 00'],
  ])('%s', (address, hex) => {
    expect(Buffer.from(encodeSocketAddress(address)).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  it.each([[`/${LONGEST_NAME.slice(1)}`], [`@${LONGEST_NAME}`]])('as long as can be: %s', (address) => {
    expect(encodeSocketAddress(address)).toHaveLength(110);
  });

  it.each([
    [''],
    ['@'],
    ['relative'],
    ['vsock:2:1234'],
    ['/a\0b'],
    [`/${LONGEST_NAME}`],
    [`@${LONGEST_NAME}x`],
  ])('refused: %j', (address) => {
    expect(refusal(() => new UnixDatagramSender(address)).code).toBe('OPTION_INVALID');
  });
});

describe.runIf(LINUX)('sending', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rekindle-datagram-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.each([
    ['a path', () => join(directory, 'socket')],
    ['an abstract name', () => `@rekindle-test-${process.pid}`],
  ])('to %s: each is one datagram, whole and in order', (_title, addressOf) => {
    using receiver = new DatagramReceiver(addressOf());
    using sender = new UnixDatagramSender(receiver.address);
    const texts = ['READY=1\nSTATUS=é', '', 'x'.repeat(10_000)];
    for (const text of texts) sender.send(Buffer.from(text));
    expect(receiver.received()).toEqual(texts);
  });

  it.each([
    ['nobody has the name', '@rekindle-test-nobody', 'ECONNREFUSED'],
    ['there is no such file', '/nonexistent/socket', 'ENOENT'],
  ])('fails when %s', (_title, address, errno) => {
    using sender = new UnixDatagramSender(address);
    expect(refusal(() => sender.send(Buffer.from('x')))).toMatchObject({
      code: 'SYSTEM_CALL_FAILED',
      message: `SYSTEM_CALL_FAILED: sendto: ${errno}: ${address}`,
    });
  });

  it('does not wait for a receiver that does not read', () => {
    using receiver = new DatagramReceiver(`@rekindle-test-full-${process.pid}`);
    using sender = new UnixDatagramSender(receiver.address);
    const fill = () => {
      for (let count = 0; count < 100_000; count++) sender.send(Buffer.from('x'));
    };
    expect(refusal(fill).message).toContain('EAGAIN');
    expect(receiver.received().length).toBeGreaterThan(0);
    sender.send(Buffer.from('y'));
    expect(receiver.received().at(-1)).toBe('y');
  });

  it('leaves no descriptor', () => {
    const descriptors = () => readdirSync('/proc/self/fd').length;
    new UnixDatagramSender('@rekindle-test-nobody')[Symbol.dispose]();
    const before = descriptors();
    for (let count = 0; count < 20; count++) {
      const sender = new UnixDatagramSender('@rekindle-test-nobody');
      sender[Symbol.dispose]();
      sender[Symbol.dispose]();
    }
    expect(descriptors()).toBe(before);
  });
});
