// What an embedder gives its guests to import: order and calling of the functions, and the refusal of what cannot be handed over.
import { describe, expect, test } from 'vitest';
import { type HostFunction, makeEmbedding } from '#runtime/controller/embedding.js';
import { RekindleError } from '#runtime/errors.js';

const noFactory = () => ({});
type Functions = Parameters<typeof makeEmbedding>[0];
const embed = (functions: Functions) => makeEmbedding(functions, null, noFactory);

/** What JavaScript can pass where the types do not allow it. */
function untyped(value: unknown): HostFunction {
  return value as HostFunction;
}

function refusal(action: () => unknown): { code: string; culprit: string } | null {
  try {
    action();
  } catch (error) {
    if (error instanceof RekindleError) return { code: error.code, culprit: error.culprit };
    throw error;
  }
  return null;
}

describe('functions', () => {
  test('are listed by module and name, and called by their position', () => {
    const embedding = embed({
      host: { add: (a, b) => Number(a) + Number(b), nothing: () => undefined },
      clock: { now: () => 7n },
    });
    expect(embedding.hostFunctions).toEqual([
      { module: 'host', name: 'add' },
      { module: 'host', name: 'nothing' },
      { module: 'clock', name: 'now' },
    ]);
    expect([embedding.call(0, [1, 2]), embedding.call(1, []), embedding.call(2, [])]).toEqual([
      3,
      undefined,
      7n,
    ]);
  });

  test('throw what they throw', () => {
    const thrown = new Error('no such user');
    const embedding = embed({
      host: {
        find() {
          throw thrown;
        },
      },
    });
    expect(() => embedding.call(0, [])).toThrow(thrown);
  });

  test('may stand beside the values of globals', () => {
    const embedding = embed({ env: { base: 1024, limit: 7n, table: null, log: () => undefined } });
    expect(embedding.hostFunctions).toEqual([{ module: 'env', name: 'log' }]);
    expect(embedding.globals).toEqual({ env: { base: 1024, limit: 7n, table: null } });
  });

  test('may be none', () => {
    expect(embed({}).hostFunctions).toEqual([]);
  });

  test.each([undefined, 'f', {}, [], true, Symbol.iterator])('%o is refused as a function', (value) => {
    expect(refusal(() => embed({ host: { broken: untyped(value) } }))).toEqual({
      code: 'IMPORTS_INVALID',
      culprit: 'host.broken',
    });
  });

  test.each([null, 'text', {}, true, Symbol('s'), Promise.resolve(1)])(
    'a result of %o is refused',
    (value) => {
      const embedding = embed({ host: { odd: untyped(() => value) } });
      expect(refusal(() => embedding.call(0, []))).toEqual({ code: 'IMPORTS_INVALID', culprit: 'host.odd' });
    },
  );

  test.each([-1, 1, 0.5])('position %d names no function', (index) => {
    const embedding = embed({ host: { only: () => 1 } });
    expect(refusal(() => embedding.call(index, []))?.code).toBe('IMPORTS_INVALID');
  });
});

test('the URL and the factory are handed on', () => {
  const embedding = makeEmbedding({}, 'file:///imports.js', noFactory);
  expect(embedding).toMatchObject({ importsUrl: 'file:///imports.js', factory: noFactory });
});

describe('the factory for inline guests', () => {
  const guest = { processName: 'guest#1', memory: () => new Uint8Array(0) };

  test('has the functions beside those of the import module, which are preferred', () => {
    const own = () => ({ shared: { both: () => 1, one: () => 2 } });
    const { factory } = makeEmbedding(
      { shared: { both: () => 3, other: () => 4 }, more: { last: () => 5 } },
      null,
      own,
    );
    const bound = Object.values(factory(guest)).flatMap((module) => Object.entries(module));
    const answers = bound.map(([name, body]): [string, unknown] => [name, body()]);
    expect(Object.fromEntries(answers)).toEqual({ both: 1, one: 2, other: 4, last: 5 });
  });

  test('checks what they return', () => {
    const text = (() => 'text') as unknown as () => number;
    const { factory } = makeEmbedding({ host: { text } }, null, () => ({}));
    const [host = {}] = Object.values(factory(guest));
    const [body = () => undefined] = Object.values(host);
    expect(() => body()).toThrow(expect.objectContaining({ code: 'IMPORTS_INVALID' }));
  });
});
