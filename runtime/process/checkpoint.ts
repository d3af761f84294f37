// Makes the next generation of an executing image from an instance: reserve a place, write the differing pages and the head,
// commit. Until the commit the generation before stays what it is; it never writes into that one's place.
import { EAGAIN, EIO, ENOMEM, ENOTSUP } from '../../abi/errors.ts';
import { EXPORT_RESTARTED } from '../../abi/hr.ts';
import { RekindleError } from '../errors.ts';
import { encodeImageHead, type ImageBlock, type ImageHead, imageMemoryOffset } from '../image/image-codec.ts';
import type { InstanceState } from '../image/instance-state.ts';
import type { BankView } from '../memory/bank-view.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { unionPages } from '../memory/page-runs.ts';
import type { GuestProgram, ImageReference } from './program.ts';
import type { HostServices } from './services.ts';

export interface CheckpointSubject {
  readonly program: GuestProgram;
  readonly bank: BankView;
  readonly services: HostServices;
  /** Number of the generation to be made. */
  readonly generation: number;
  readonly state: InstanceState;
  readonly memory: GuestMemory | null;
  readonly blocks: readonly ImageBlock[];
  /** Guest frames are on the stack; a restore will not bring them back. */
  readonly inCall: boolean;
}

/** Throws CHECKPOINT_REFUSED, BANK_FULL or BLOCK_LIMIT; nothing has changed then. */
export function makeGeneration(subject: CheckpointSubject): {
  readonly image: ImageReference;
  readonly head: ImageHead;
} {
  const { program, bank, services, generation, memory } = subject;
  refuseUnlessRestartable(program);
  memory?.exchange();
  const survey = memory?.survey() ?? { storedBytes: 0, dirty: [] };
  const head: ImageHead = {
    generation,
    memoryBytes: memory?.memory.buffer.byteLength ?? 0,
    storedBytes: survey.storedBytes,
    state: stateForImage(subject),
    blocks: subject.blocks,
  };
  const headBytes = encodeImageHead(head);
  const memoryOffset = imageMemoryOffset(headBytes.length);
  const reservation = services.reserveImage({ generation, memoryOffset, storedBytes: survey.storedBytes });
  if (reservation.kind === 'refused') throw refusal(program.processName, reservation.reason);
  memory?.write(
    reservation.offset + memoryOffset,
    survey.storedBytes,
    unionPages(survey.dirty, reservation.stale),
  );
  bank.bytes(reservation.offset, headBytes.length).set(headBytes);
  services.commitImage({
    generation,
    headBytes: headBytes.length,
    changed: survey.dirty,
    blocks: memory?.blocks ?? [],
  });
  return { image: { generation, offset: reservation.offset, headBytes: headBytes.length }, head };
}

/** The errno a guest sees for a refused hrCheckpoint. */
export function checkpointErrno(error: RekindleError): number {
  switch (error.code) {
    case 'BANK_FULL':
    case 'BLOCK_LIMIT':
      return ENOMEM;
    case 'CHECKPOINT_REFUSED':
      return ENOTSUP;
    case 'PROCESS_RESTARTING':
      return EAGAIN;
    default:
      return EIO;
  }
}

/** A command's entry point must not run twice over one memory, and it has nothing else to be restarted by. */
function refuseUnlessRestartable(program: GuestProgram): void {
  if (program.entryKind === 'reactor') return;
  if (program.layout.functionExports.some((each) => each.name === EXPORT_RESTARTED)) return;
  throw new RekindleError(
    'CHECKPOINT_REFUSED',
    program.processName,
    `a command can only be restarted from a checkpoint by an exported ${EXPORT_RESTARTED}(cause)`,
  );
}

function refusal(
  processName: string,
  reason: 'bank-full' | 'block-limit' | 'not-restartable',
): RekindleError {
  if (reason === 'bank-full')
    return new RekindleError('BANK_FULL', processName, 'no space for another generation');
  if (reason === 'block-limit')
    return new RekindleError('BLOCK_LIMIT', processName, 'no block entry for another generation');
  return new RekindleError('CHECKPOINT_REFUSED', processName, 'the process is not restartable');
}

/**
 * Frames on the stack are lost with a restore, so an image made inside a call starts with the shadow stack empty, or it would
 * creep down with every restart. And it forgets that randomness was seeded, or every restore would replay the same numbers.
 */
function stateForImage({ program, state, inCall }: CheckpointSubject): InstanceState {
  const { stackPointer, randomSeeded } = program.layout;
  const { firstStackPointer } = program;
  const globals = state.globals.slice();
  if (inCall && stackPointer !== null && firstStackPointer !== null)
    globals[stackPointer] = firstStackPointer;
  if (randomSeeded !== null) globals[randomSeeded] = 0;
  return { ...state, globals };
}
