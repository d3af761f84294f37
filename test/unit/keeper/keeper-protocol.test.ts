// Both ends of the channel between a site and its keeper: what is understood, what is not, and that nothing queues up in it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeeperLink } from '#runtime/keeper/keeper-link.js';
import { type ChildMessage, oneLine, readChildMessage, readCount } from '#runtime/keeper/keeper-protocol.js';
import { anyText } from '#test/support/any-text.js';

describe('messages', () => {
  it.each<ChildMessage>([
    { kind: 'ready', status: 'site open' },
    { kind: 'alive' },
    { kind: 'reloading' },
    { kind: 'stopping' },
  ])('%o is understood', (message) => {
    expect(readChildMessage(message)).toEqual(message);
  });

  it.each([
    [null],
    [undefined],
    [0],
    ['ready'],
    [[]],
    [{}],
    [{ kind: 'ready' }],
    [{ kind: 'ready', status: 5 }],
    [{ kind: 'dead' }],
    [{ kind: { kind: 'alive' } }],
  ])('%o is not', (value) => {
    expect(readChildMessage(value)).toBeNull();
  });

  it('anything is either understood or null', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const message = readChildMessage(value);
        expect(message === null || typeof message.kind === 'string').toBe(true);
      }),
    );
  });

  it('a status is one line of bounded length', () => {
    fc.assert(
      fc.property(anyText({ maxLength: 2000 }), (text) => {
        const line = oneLine(text);
        expect(line).not.toMatch(/\p{Cc}/u);
        expect(line.length).toBeLessThanOrEqual(500);
      }),
    );
    expect(oneLine('a\nREADY=1\r\nb')).toBe('a READY=1 b');
  });
});

it.each([
  ['1', 1],
  ['2500', 2500],
  ['0', null],
  ['-1', null],
  ['1.5', null],
  ['', null],
  [' 1', null],
  ['1e3', null],
  ['9999999999999999', null],
  [undefined, null],
])('the count %o is %o', (text, expected) => {
  expect(readCount(text)).toBe(expected);
});

describe("the site's end", () => {
  it('sends no sign of life while one is under way', () => {
    const sent: string[] = [];
    const callbacks: ((error: Error | null) => void)[] = [];
    const channel = {
      send: (message: ChildMessage, callback: (error: Error | null) => void) => {
        sent.push(message.kind);
        callbacks.push(callback);
      },
    };
    const link = new KeeperLink(channel, { REKINDLE_HEARTBEAT_MS: '25' });
    expect(link.alivePeriodMs).toBe(25);
    link.alive();
    link.alive();
    link.ready('open');
    link.reloading();
    link.stopping();
    expect(sent).toEqual(['alive', 'ready', 'reloading', 'stopping']);
    // The keeper has gone: no error, and no end to trying.
    callbacks[0]?.(new Error('channel closed'));
    link.alive();
    expect(sent.at(-1)).toBe('alive');
  });

  it.each([[undefined], ['0'], ['soon']])('with a heartbeat of %o sends none', (period) => {
    const link = new KeeperLink({ send: () => undefined }, { REKINDLE_HEARTBEAT_MS: period });
    expect(link.alivePeriodMs).toBeNull();
  });
});
