// The emitter of a site's events: who is told what and when, and that a listener that throws harms neither the site nor the others.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SITE_EVENTS, SiteEmitter } from '#runtime/site-events.js';

const blocked = (group: number) => ({ group, names: ['child'], message: 'blocked' });

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('listeners', () => {
  test('are told in the order in which they came, with the same frozen value', () => {
    const emitter = new SiteEmitter();
    const told: unknown[] = [];
    emitter.on('blocked', (event) => told.push(['first', event]));
    emitter.on('blocked', (event) => told.push(['second', event]));
    const event = blocked(1);
    emitter.emit('blocked', event);
    expect(told).toEqual([
      ['first', event],
      ['second', event],
    ]);
    expect(Object.isFrozen(event)).toBe(true);
  });

  test('are told of their own event only', () => {
    const emitter = new SiteEmitter();
    const listener = vi.fn();
    emitter.on('blocked', listener);
    emitter.emit('quarantined', { group: 1, reason: 'x' });
    expect(listener).not.toHaveBeenCalled();
  });

  test('can be adopted, one for each event', () => {
    const emitter = new SiteEmitter();
    const listener = vi.fn();
    for (const name of SITE_EVENTS) emitter.adopt(name, { blocked: listener });
    emitter.emit('quarantined', { group: 1, reason: 'x' });
    emitter.emit('blocked', blocked(1));
    expect(listener.mock.calls).toEqual([[blocked(1)]]);
  });

  test('are refused for an event there is not, and when they are no functions', () => {
    const emitter = new SiteEmitter();
    const typo = 'falut' as 'fault';
    const message = /^OPTION_INVALID: event: must be one of started, fault, .*, not falut$/;
    expect(() => emitter.on(typo, vi.fn())).toThrow(message);
    expect(() => emitter.off(typo, vi.fn())).toThrow(message);
    expect(() => emitter.on('fault', undefined as never)).toThrow(
      /^OPTION_INVALID: listener of fault: must be a function$/,
    );
  });

  test('are added once, however often they are given', () => {
    const emitter = new SiteEmitter();
    const listener = vi.fn();
    for (let time = 0; time < 3; time += 1) emitter.on('blocked', listener);
    emitter.emit('blocked', blocked(1));
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('are not told any more once they are taken away', () => {
    const emitter = new SiteEmitter();
    const listener = vi.fn();
    emitter.on('blocked', listener);
    emitter.off('blocked', listener);
    emitter.off('quarantined', vi.fn());
    emitter.emit('blocked', blocked(1));
    expect(listener).not.toHaveBeenCalled();
  });

  test('that come or go while others are told count from the next event on', () => {
    const emitter = new SiteEmitter();
    const [late, early] = [vi.fn(), vi.fn()];
    emitter.on('blocked', () => {
      emitter.on('blocked', late);
      emitter.off('blocked', early);
    });
    emitter.on('blocked', early);
    emitter.emit('blocked', blocked(1));
    expect([late.mock.calls.length, early.mock.calls.length]).toEqual([0, 1]);
    emitter.emit('blocked', blocked(2));
    expect([late.mock.calls.length, early.mock.calls.length]).toEqual([1, 1]);
  });

  test('may cause another event: its listeners are told at once', () => {
    const emitter = new SiteEmitter();
    const told: string[] = [];
    emitter.on('blocked', ({ group }) => {
      told.push(`blocked ${group}`);
      if (group < 2) emitter.emit('blocked', blocked(group + 1));
      told.push(`done ${group}`);
    });
    emitter.emit('blocked', blocked(1));
    expect(told).toEqual(['blocked 1', 'blocked 2', 'done 2', 'done 1']);
  });
});

test('a listener that throws neither reaches who emits nor keeps the others from being told, and its error is not lost', () => {
  const thrownOn: (() => void)[] = [];
  vi.stubGlobal('queueMicrotask', (task: () => void) => thrownOn.push(task));
  const emitter = new SiteEmitter();
  const other = vi.fn();
  const errors = [new Error('first'), new Error('second')];
  for (const error of errors) {
    emitter.on('blocked', () => {
      throw error;
    });
  }
  emitter.on('blocked', other);
  emitter.emit('blocked', blocked(1));
  expect(other).toHaveBeenCalledTimes(1);
  expect(thrownOn).toHaveLength(2);
  for (const [index, task] of thrownOn.entries()) expect(task).toThrow(errors[index]);
});
