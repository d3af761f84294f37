// WASI preview 1 as far as a guest needs it for arguments, environment, output, clocks, randomness and exit. Each family of
// functions has its own file; this one joins them. A function answers with an errno and must never throw, except proc_exit.
import { clockFunctions } from './clocks.ts';
import type { WasiContext } from './context.ts';
import { EFAULT, ESUCCESS } from './errno.ts';
import { GuestView } from './guest-view.ts';
import { streamFunctions } from './streams.ts';
import { stringFunctions } from './strings.ts';

export type { OutputStream, WasiClock, WasiContext } from './context.ts';

/** Import module of the functions below. */
export const WASI_MODULE = 'wasi_snapshot_preview1';

/** The functions there are, by import name. */
export const WASI_FUNCTION_NAMES = [
  'args_get',
  'args_sizes_get',
  'clock_res_get',
  'clock_time_get',
  'environ_get',
  'environ_sizes_get',
  'fd_close',
  'fd_fdstat_get',
  'fd_prestat_dir_name',
  'fd_prestat_get',
  'fd_read',
  'fd_seek',
  'fd_write',
  'proc_exit',
  'random_get',
  'sched_yield',
] as const;

export type WasiFunctionName = (typeof WASI_FUNCTION_NAMES)[number];

/** The import object: i32 parameters arrive as numbers, i64 as bigints; the result is an errno. */
export type WasiImports = ReturnType<typeof wasiImports>;

/**
 * Makes the functions of one run of a process. They hold no state beside the context's: a restored guest goes on with them.
 */
export function wasiImports(context: WasiContext) {
  return Object.freeze({
    ...stringFunctions(context),
    ...streamFunctions(context),
    ...clockFunctions(context),

    proc_exit: (status: number): never => context.exit(status >>> 0),

    random_get(buffer: number, lengthBytes: number): number {
      const guest = new GuestView(context.memory());
      if (!guest.holds(buffer, lengthBytes)) return EFAULT;
      context.fillRandom(guest.range(buffer, lengthBytes));
      return ESUCCESS;
    },

    /** The guest has its thread to itself, or shares it with callers who wait: there is nobody to give way to. */
    sched_yield: (): number => ESUCCESS,
  } satisfies Record<WasiFunctionName, (...parameters: never[]) => number>);
}
