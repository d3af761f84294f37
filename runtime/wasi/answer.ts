// The border of this room: what a function does becomes the errno it answers with. It must let everything pass that is not a FileError:
// the end of a run, and bugs.
import type { WasiContext } from './context.ts';
import type { DescriptorTable } from './descriptor-table.ts';
import { ESUCCESS, FileError } from './errno.ts';
import { GuestView } from './guest-view.ts';

/** What the functions of one guest work with. */
export interface FunctionContext {
  readonly context: WasiContext;
  readonly table: DescriptorTable;
}

/** A function of preview 1: i32 parameters arrive as numbers, i64 as bigints. `body` is given memory as it is at the call. */
export function answering<Parameters extends readonly (number | bigint)[]>(
  { context }: Pick<FunctionContext, 'context'>,
  body: (guest: GuestView, ...parameters: Parameters) => void,
): (...parameters: Parameters) => number {
  return (...parameters) => {
    try {
      body(new GuestView(context.memory()), ...parameters);
      return ESUCCESS;
    } catch (error) {
      if (error instanceof FileError) return error.errno;
      throw error;
    }
  };
}
