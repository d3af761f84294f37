// What the host functions bound to one instance may use of it. Imports reach their process by this alone.
import type { BlockArena } from './block-arena.ts';
import type { GuestProgram } from './program.ts';
import type { HostServices } from './services.ts';

export interface ImportContext {
  readonly program: GuestProgram;
  readonly services: HostServices;
  /** Linear memory as it is now; empty for a module without memory. Never kept across a call that can grow it. */
  memory(): Uint8Array;
  /** Null for a module without memory. */
  arena(): BlockArena | null;
  pid(): number;
  /** Throws when the run is to be unwound: for what takes long between two statements of the guest. */
  refuseWhenOver(): void;
  /** Makes the next generation; a negative errno when refused. */
  checkpointInCall(): number;
  installExitHandler(): void;
}

export type ImportFunction = (...args: (number & bigint)[]) => unknown;
export type ImportFunctions = Readonly<Record<string, (...args: never[]) => unknown>>;
