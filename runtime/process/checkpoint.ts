// Makes the next generation of an executing image from an instance: reserve a place, write the differing pages and the head,
// commit. Until the commit the generation before stays what it is; it never writes into that one's place.
import { EAGAIN, EIO, ENOMEM, ENOTSUP } from '../../abi/errors.ts';
import { EXPORT_RESTARTED } from '../../abi/hr.ts';
import { RekindleError } from '../errors.ts';
import {
  checksumOfHead,
  encodeImageHead,
  type ImageBlock,
  type ImageHead,
  imageHeadBytes,
  imageMemoryOffset,
} from '../image/image-codec.ts';
import type { InstanceState } from '../image/instance-state.ts';
import { checksumOfPages, updatedChecksum } from '../image/memory-checksum.ts';
import type { BankView } from '../memory/bank-view.ts';
import type { PageRun } from '../memory/guest-memory.ts';
import type { InstanceMemories, InstanceSurvey } from '../memory/instance-memories.ts';
import { clipRuns, runsBetween, unionRuns } from '../memory/page-runs.ts';
import type { GuestProgram, ImageReference } from './program.ts';
import type { HostServices, ReservedPlace } from './services.ts';

export interface CheckpointSubject {
  readonly program: GuestProgram;
  readonly bank: BankView;
  readonly services: HostServices;
  /** Number of the generation to be made. */
  readonly generation: number;
  readonly state: InstanceState;
  readonly memories: InstanceMemories;
  readonly blocks: readonly ImageBlock[];
  readonly wasi: Uint8Array;
  /** Guest frames are on the stack; a restore will not bring them back. */
  readonly inCall: boolean;
}

/** Throws CHECKPOINT_REFUSED, BANK_FULL or BLOCK_LIMIT; nothing has changed then. */
export function makeGeneration(subject: CheckpointSubject): {
  readonly image: ImageReference;
  readonly head: ImageHead;
} {
  const { program, bank, services, generation, memories } = subject;
  refuseUnlessRestartable(program);
  memories.exchange();
  const survey = memories.survey();
  const { storedBytes } = survey;
  const state = stateForImage(subject);
  const { blocks, wasi } = subject;
  const headBytes = imageHeadBytes({ memories: survey.memories, state, blocks, wasi });
  const memoryOffset = imageMemoryOffset(headBytes);
  const place = services.reserveImage({ generation, memoryOffset, storedBytes });
  if (place.kind === 'refused') throw refusal(program.processName, place.reason);
  const memoryChecksum = writeMemories(memories, bank, place, place.offset + memoryOffset, survey);
  const head: ImageHead = { generation, memories: survey.memories, memoryChecksum, state, blocks, wasi };
  const headContent = encodeImageHead(head);
  bank.write(headContent, place.offset);
  const headChecksum = checksumOfHead(headContent);
  services.commitImage({
    made: {
      generation,
      headBytes,
      headChecksum,
      storedBytes,
      memoryChecksum,
      blocks: memories.linear?.blocks ?? [],
    },
    changed: survey.dirty,
  });
  return { image: { generation, offset: place.offset, headBytes }, head };
}

/** Writes what differs from what the place holds, and returns the checksum of the whole. */
function writeMemories(
  memories: InstanceMemories,
  bank: BankView,
  place: ReservedPlace,
  offset: number,
  survey: InstanceSurvey,
): number {
  const { storedBytes } = survey;
  const pages = pagesToWrite(place, survey);
  const content = bank.bytes(offset, storedBytes);
  if (pages === 'all') {
    memories.write(offset, survey.memories, 'all');
    return checksumOfPages(content, runsBetween(0, storedBytes));
  }
  const before = checksumOfPages(content, clipRuns(pages, place.storedBytes));
  memories.write(offset, survey.memories, pages);
  return updatedChecksum(
    place.memoryChecksum,
    before,
    checksumOfPages(content, clipRuns(pages, storedBytes)),
  );
}

/** What is dirty, what the place is behind in, and what it has never held. */
function pagesToWrite(
  { stale, storedBytes: heldBytes }: ReservedPlace,
  { dirty, storedBytes }: InstanceSurvey,
): readonly PageRun[] | 'all' {
  if (dirty === 'all' || stale === 'all') return 'all';
  return unionRuns(unionRuns(dirty, stale), runsBetween(heldBytes, storedBytes));
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
