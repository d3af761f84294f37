// One exported function as an embedder has bound it: where it leads at present, and the way in full for all that is not plain. It must
// never lead to an instance that the process does not run any more.
import type { FunctionType } from '../image/layout.ts';
import { type AimedCall, Border } from './border.ts';
import { callMaker, signatureOf } from './generated-calls.ts';
import type { Argument, ReturnValue } from './program.ts';

/** What is released leads here: somebody is on the stack, so that every call is made in full. */
const NOWHERE = new Border(null);
NOWHERE.entered = true;

const nothing = (): undefined => undefined;

type InFull = (call: BoundCall, args: readonly Argument[]) => ReturnValue;

export class BoundCall implements AimedCall {
  /** What its code has been generated for. */
  readonly #signature: string;
  readonly exportName: string;
  /** A call with every check, which may aim this one anew. `excessCount`: so many arguments more were given than the function takes. */
  readonly inFull: (args: Argument[], excessCount: number) => ReturnValue;
  border: Border = NOWHERE;
  body: AimedCall['body'] = nothing;
  conclude: AimedCall['conclude'] = nothing;
  /** For the embedder. */
  readonly function: (...args: readonly Argument[]) => ReturnValue;

  constructor(exportName: string, type: FunctionType, inFull: InFull) {
    this.exportName = exportName;
    this.#signature = signatureOf(type);
    this.inFull = (args, excessCount) => {
      args.length += excessCount;
      // What was left out has come as undefined.
      while (excessCount === 0 && args.length > 0 && args.at(-1) === undefined) args.pop();
      return inFull(this, args);
    };
    this.function = callMaker(type)(this) as BoundCall['function'];
  }

  /** Whether its code is that for a function of this type: made anew by a cold start, the function may be another. */
  suits(type: FunctionType): boolean {
    return signatureOf(type) === this.#signature;
  }

  release(): void {
    this.border = NOWHERE;
    this.body = nothing;
  }
}

/** The bound functions of one process, one for each name. */
export class BoundCalls {
  readonly #inFull: InFull;
  readonly #calls = new Map<string, BoundCall>();

  constructor(inFull: InFull) {
    this.#inFull = inFull;
  }

  function(exportName: string, type: FunctionType): BoundCall['function'] {
    const call = this.#calls.get(exportName) ?? new BoundCall(exportName, type, this.#inFull);
    this.#calls.set(exportName, call);
    return call.function;
  }
}
