// The action queue: order within a group, independence between groups, what superseding drops and what it must not, and what
// becomes of errors. Actions are plain values here; what they take is in the hands of the test.
import { describe, expect, test } from 'vitest';
import { ActionQueue, type ActionQueueOptions } from '#runtime/controller/action-queue.js';
import type { Action } from '#runtime/controller/state.js';

const restore = (name: string, group = 1): Action => ({ kind: 'restore', group, name });
const launch = (name: string, group = 1): Action => ({ kind: 'launch', group, name });
const free = (group = 1): Action => ({ kind: 'free', group, serial: 1, names: [] });

interface Control {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A queue whose actions tell when they begin and end; those named in `slow` end when the test says so. */
class Bench {
  readonly told: string[] = [];
  readonly failures: unknown[] = [];
  readonly controls = new Map<string, Control>();
  readonly slow = new Set<string>();
  readonly bodies = new Map<string, () => void>();
  readonly queue: ActionQueue;

  constructor(options: Partial<ActionQueueOptions> = {}) {
    this.queue = new ActionQueue({
      perform: (action) => this.#perform(action),
      gate: () => null,
      voidable: ({ kind }) => kind !== 'free',
      failed: (error) => this.failures.push(error),
      ...options,
    });
  }

  #perform(action: Action): Promise<void> | undefined {
    const text = 'name' in action ? `${action.kind} ${action.name}` : action.kind;
    this.told.push(text);
    this.bodies.get(text)?.();
    if (!this.slow.has(text)) return undefined;
    return new Promise((resolve, reject) => {
      const ended = (settle: () => void) => () => {
        this.told.push(`end of ${text}`);
        settle();
      };
      this.controls.set(text, {
        resolve: ended(resolve),
        reject: (error) => ended(() => reject(error))(),
      });
    });
  }

  /** Ends a slow action and lets what follows it happen. */
  async end(text: string, error?: Error): Promise<void> {
    const control = this.controls.get(text);
    if (control === undefined) throw new Error(`${text} has not begun`);
    if (error === undefined) control.resolve();
    else control.reject(error);
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('one group', () => {
  test('is kept by a long row that grows while it is at work, and that is superseded in the middle', () => {
    const bench = new Bench();
    const names = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => String(from + index));
    const LONG = 3000;
    bench.bodies.set('restore 700', () =>
      bench.queue.push(
        names(LONG, 2 * LONG).map((name) => restore(name)),
        [],
      ),
    );
    bench.bodies.set('restore 4000', () => {
      bench.queue.push([free()], []);
      bench.queue.push([launch('last')], [1]);
    });
    bench.queue.push(
      names(0, LONG).map((name) => restore(name)),
      [],
    );
    expect(bench.told).toEqual([...names(0, 4001).map((name) => `restore ${name}`), 'free', 'launch last']);
  });

  test('what needs no waiting is done before push returns, in order', () => {
    const bench = new Bench();
    bench.queue.push([restore('a'), restore('b'), launch('a')], []);
    expect(bench.told).toEqual(['restore a', 'restore b', 'launch a']);
  });

  test('what has to be waited for keeps the rest of the row waiting', async () => {
    const bench = new Bench();
    bench.slow.add('restore a');
    bench.queue.push([restore('a'), launch('a')], []);
    await settled();
    expect(bench.told).toEqual(['restore a']);
    await bench.end('restore a');
    expect(bench.told).toEqual(['restore a', 'end of restore a', 'launch a']);
  });

  test('later pushes come behind earlier ones', async () => {
    const bench = new Bench();
    bench.slow.add('restore a');
    bench.queue.push([restore('a'), restore('b')], []);
    bench.queue.push([restore('c')], []);
    await bench.end('restore a');
    expect(bench.told).toEqual(['restore a', 'end of restore a', 'restore b', 'restore c']);
  });

  test('what is pushed from within an action comes behind the row it is in', () => {
    const bench = new Bench();
    bench.bodies.set('restore a', () => bench.queue.push([restore('c')], []));
    bench.queue.push([restore('a'), restore('b')], []);
    expect(bench.told).toEqual(['restore a', 'restore b', 'restore c']);
  });

  test('no action begins while one of the same group is at work, however it was pushed', async () => {
    const bench = new Bench();
    for (const text of ['restore a', 'restore b']) bench.slow.add(text);
    bench.queue.push([restore('a')], []);
    bench.queue.push([restore('b')], []);
    await bench.end('restore a');
    bench.queue.push([restore('c')], []);
    await bench.end('restore b');
    expect(bench.told).toEqual([
      ...['restore a', 'end of restore a'],
      ...['restore b', 'end of restore b'],
      'restore c',
    ]);
  });
});

describe('superseding', () => {
  test('drops what waits, not what is at work', async () => {
    const bench = new Bench();
    bench.slow.add('restore a');
    bench.queue.push([restore('a'), restore('b'), launch('a')], []);
    bench.queue.push([restore('c')], [1]);
    await bench.end('restore a');
    expect(bench.told).toEqual(['restore a', 'end of restore a', 'restore c']);
  });

  test('keeps what is owed, ahead of what is new', async () => {
    const bench = new Bench();
    bench.slow.add('restore a');
    bench.queue.push([restore('a'), free(), launch('a')], []);
    bench.queue.push([restore('c')], [1]);
    await bench.end('restore a');
    expect(bench.told).toEqual(['restore a', 'end of restore a', 'free', 'restore c']);
  });

  test('drops only what belongs to the group', async () => {
    const bench = new Bench();
    for (const text of ['restore a', 'restore x']) bench.slow.add(text);
    bench.queue.push([restore('a'), restore('b'), restore('x', 2), restore('y', 2)], []);
    bench.queue.push([], [1]);
    await bench.end('restore a');
    await bench.end('restore x');
    expect(bench.told).not.toContain('restore b');
    expect(bench.told).toContain('restore y');
  });

  test('from within an action drops the rest of its own row', () => {
    const bench = new Bench();
    bench.bodies.set('restore a', () => bench.queue.push([restore('c')], [1]));
    bench.queue.push([restore('a'), restore('b')], []);
    expect(bench.told).toEqual(['restore a', 'restore c']);
  });

  test('of a group of which nothing waits does nothing', () => {
    const bench = new Bench();
    bench.queue.push([restore('a')], [1, 7]);
    expect(bench.told).toEqual(['restore a']);
  });
});

describe('several groups', () => {
  test('do not wait for one another', async () => {
    const bench = new Bench();
    bench.slow.add('restore a');
    bench.queue.push([restore('a'), launch('a'), restore('x', 2), launch('x', 2)], []);
    expect(bench.told).toEqual(['restore a', 'restore x', 'launch x']);
    await bench.end('restore a');
    expect(bench.told).toContain('launch a');
  });

  test('an action may push to another group, which begins at once', () => {
    const bench = new Bench();
    bench.bodies.set('restore a', () => bench.queue.push([restore('x', 2)], []));
    bench.queue.push([restore('a'), launch('a')], []);
    expect(bench.told).toEqual(['restore a', 'restore x', 'launch a']);
  });
});

describe('the gate', () => {
  test('is asked before every action, and what it waits for can still be dropped', async () => {
    let open: (() => void) | null = null;
    let barrier: Promise<void> | null = new Promise((resolve) => {
      open = resolve;
    });
    const bench = new Bench({ gate: () => barrier });
    bench.queue.push([restore('a'), launch('a')], []);
    await settled();
    expect(bench.told).toEqual([]);
    bench.queue.push([restore('b')], [1]);
    barrier = null;
    (open ?? (() => undefined))();
    await settled();
    expect(bench.told).toEqual(['restore b']);
  });

  test('of one group keeps no other waiting', () => {
    const bench = new Bench({ gate: ({ group }) => (group === 1 ? new Promise(() => undefined) : null) });
    bench.queue.push([restore('a'), restore('x', 2)], []);
    expect(bench.told).toEqual(['restore x']);
  });
});

describe('idle', () => {
  test('resolves at once when nothing is at work', async () => {
    await new Bench().queue.idle(1);
  });

  test('resolves when the row is done, what was pushed meanwhile included', async () => {
    const bench = new Bench();
    for (const text of ['restore a', 'restore b']) bench.slow.add(text);
    bench.queue.push([restore('a')], []);
    const idle = bench.queue.idle(1).then(() => bench.told.push('idle'));
    bench.queue.push([restore('b')], []);
    await bench.end('restore a');
    expect(bench.told).not.toContain('idle');
    await bench.end('restore b');
    await idle;
    expect(bench.told.at(-1)).toBe('idle');
  });

  test('waits for its own group only', async () => {
    const bench = new Bench();
    bench.slow.add('restore a');
    bench.queue.push([restore('a')], []);
    await bench.queue.idle(2);
    expect(bench.told).toEqual(['restore a']);
  });
});

describe('an error', () => {
  const error = new Error('our bug');

  test('thrown by an action is told, and the group takes further actions', () => {
    const bench = new Bench();
    bench.bodies.set('restore a', () => {
      throw error;
    });
    bench.queue.push([restore('a')], []);
    expect(bench.failures).toEqual([error]);
    bench.queue.push([restore('b')], []);
    expect(bench.told).toEqual(['restore a', 'restore b']);
  });

  test('an action rejects with is told, and the group takes further actions', async () => {
    const bench = new Bench();
    bench.slow.add('restore a');
    bench.queue.push([restore('a')], []);
    await bench.end('restore a', error);
    expect(bench.failures).toEqual([error]);
    bench.queue.push([restore('b')], []);
    expect(bench.told.at(-1)).toBe('restore b');
    await bench.queue.idle(1);
  });

  test('in one group does not touch another', () => {
    const bench = new Bench();
    bench.bodies.set('restore a', () => {
      throw error;
    });
    bench.queue.push([restore('a'), restore('x', 2)], []);
    expect(bench.told).toEqual(['restore a', 'restore x']);
  });
});
