// The two functions that stand at the border of every guest, written out for a number of parameters: one for calls of the host, one for
// imports. Each has its code to itself, since the engine goes straight through only where the code has never seen another target.
// Nothing but numbers and the names of types goes into the text: never a word of a guest or of an embedder.
import { Script } from 'node:vm';
import type { FunctionType, ValueType } from '../image/layout.ts';

/** A function that a guest imports. */
export type ImportBody = (...args: never[]) => unknown;

/** What the code of a call uses of a border, and all it changes. */
interface CallBorder {
  entered: boolean;
  readonly ending: object | null;
}

interface Call {
  readonly exportName: string;
  readonly border: CallBorder;
  readonly body: (...args: never[]) => unknown;
  /** Of what was thrown it leaves the border, when it is known what that is: a watchdog may strike until then. */
  readonly conclude: (exportName: string, end: { readonly thrown: unknown } | null) => unknown;
  /** `excessCount`: so many arguments more were given than there are parameters. */
  readonly inFull: (args: never[], excessCount: number) => unknown;
}

/** What the code of an import uses of a border, and all it changes. */
interface ImportBorder {
  crossing: number;
  readonly ending: object | null;
  readonly deadlineMs: number | null;
  readonly exchange: (() => void) | null;
  refuseWhenOver(): void;
  unwinding(thrown: unknown): void;
}

type CallMaker = (call: Call) => (...args: never[]) => unknown;
type ImportsMaker = (
  border: ImportBorder,
  hostFunctions: { depth: number },
  bodies: readonly ImportBody[],
) => ImportBody[];

/** When a plain value of this type has to be looked at more closely; strings, arrays and values out of range always have to. */
const DOUBTFUL: Readonly<Record<ValueType, (name: string) => string>> = {
  i32: (name) => `typeof ${name} !== 'number' || (${name} | 0) !== ${name}`,
  i64: (name) => `typeof ${name} !== 'bigint' || BigInt.asIntN(64, ${name}) !== ${name}`,
  f32: (name) => `typeof ${name} !== 'number'`,
  f64: (name) => `typeof ${name} !== 'number'`,
  v128: () => 'true',
  funcref: () => 'true',
  externref: () => 'true',
  anyref: () => 'true',
  exnref: () => 'true',
};

/** Calls of two functions with the same signature can have the same code. */
export function signatureOf({ params }: FunctionType): string {
  return params.join(' ');
}

function valueNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `value${index}`);
}

/** Compiled once; what is learned of the code is learned for each evaluation by itself. */
function scriptOf(source: string): Script {
  return new Script(source, { filename: 'rekindle:generated-calls' });
}

/** Makes a call of a function of this type: straight into the guest where it is aimed and the arguments are plain, else in full. */
export function callMaker({ params }: FunctionType): CallMaker {
  const names = valueNames(params.length);
  const list = names.join(', ');
  const doubts = params.map((type, index) => ` || ${DOUBTFUL[type](names[index] ?? '')}`).join('');
  const script = scriptOf(`'use strict'; (call) => (${[...names, '...more'].join(', ')}) => {
    const { border, body } = call;
    if (border.entered || more.length !== 0${doubts}) return call.inFull([${list}], more.length);
    border.entered = true;
    let result;
    try {
      result = body(${list});
    } catch (thrown) {
      return call.conclude(call.exportName, { thrown });
    }
    border.entered = false;
    return border.ending === null ? result : call.conclude(call.exportName, null);
  }`);
  return script.runInThisContext() as CallMaker;
}

/**
 * Makes the functions of the host for imports with so many parameters each, again and again. With `exchanging` the border has an
 * exchange.
 */
export function importsMaker(parameterCounts: readonly number[], exchanging: boolean): ImportsMaker {
  const exchange = exchanging ? 'border.exchange();' : '';
  const functions = parameterCounts.map((count, index) => {
    const list = valueNames(count).join(', ');
    return `(${list}) => {
    if (border.ending !== null || border.deadlineMs !== null) border.refuseWhenOver();
    const outer = border.crossing;
    const depth = hostFunctions.depth + 1;
    hostFunctions.depth = depth;
    border.crossing = depth;
    try {
      ${exchange}
      const result = body${index}(${list});
      ${exchange}
      if (border.ending !== null) throw border.ending;
      return result;
    } catch (thrown) {
      border.unwinding(thrown);
      throw thrown;
    } finally {
      border.crossing = outer;
      hostFunctions.depth = depth - 1;
    }
  }`;
  });
  const bodies = parameterCounts.map((_, index) => `body${index}`).join(', ');
  const script = scriptOf(`'use strict'; (border, hostFunctions, [${bodies}]) => [${functions.join(', ')}]`);
  return (...args) => (script.runInThisContext() as ImportsMaker)(...args);
}
