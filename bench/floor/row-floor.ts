// The floor of one row: the program in C where it can be built, else the calls from this process. It owns whichever it has begun.
import type { SelfTimed } from '../measure.ts';
import { FfiFloor } from './ffi-floor.ts';
import type { Floor, FloorRequest } from './floor.ts';
import { type FloorBuilding, ProgramFloor } from './program-floor.ts';

/** Begun with the first request: most rows have no use for it. */
export class RowFloor implements Floor {
  readonly #building: FloorBuilding;
  #floor: Floor | null = null;

  constructor(building: FloorBuilding) {
    this.#building = building;
  }

  /** Throws a RekindleError BACKEND_UNAVAILABLE where the system calls are not to be had. */
  async slice(request: FloorRequest, sliceMs: number): Promise<readonly number[]> {
    this.#floor ??= this.#begin();
    return await this.#floor.slice(request, sliceMs);
  }

  /** A case of a point. */
  timed(name: string, request: FloorRequest): SelfTimed {
    return { name, slice: (sliceMs) => this.slice(request, sliceMs) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#floor?.[Symbol.asyncDispose]();
  }

  #begin(): Floor {
    const program = this.#building.program();
    return program === null ? new FfiFloor() : new ProgramFloor(program);
  }
}
