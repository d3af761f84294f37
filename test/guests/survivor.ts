// A reactor for sites that die and come back: a count on the heap, blocks by name, children, checkpoints, and every way to end. It adds
// nothing of its own to what it is asked to do. Arguments: spawn:<name> starts a child at every start and restart, greet prints the
// arguments at the entry, trap-at-start fails there.
import {
  argv,
  BlockPointer,
  DeletionKey,
  environment,
  errno,
  exit,
  HR_EXIT_HDL,
  HR_GROUP_KEY,
  hrCheckpoint,
  hrfexecv,
  PmmName,
  pmmAllocate,
  pmmFree,
  print,
} from '../../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';

const SPAWN = 'spawn:';
const GROUP_KEY = 'group';
const PAGE_BYTES = 65536;

let counted: i32 = 0;
let restartCause: i32 = -1;
const addresses = new Map<string, usize>();
const ballast: StaticArray<u8>[] = [];

if (argv().includes('trap-at-start')) unreachable();
if (argv().includes('greet')) print(argv().join(' '));
spawnChildren();

function spawnChildren(): void {
  const args = argv();
  for (let index = 1; index < args.length; index++) {
    if (args[index].startsWith(SPAWN)) spawn(args[index].substring(SPAWN.length));
  }
}

/** The pid, or -errno. */
export function spawn(name: string): i32 {
  const path = argv()[0];
  const pid = hrfexecv(new PmmName(name), path, null, null, [path, name]);
  return pid < 0 ? -errno() : pid;
}

export function count(): i32 {
  counted += 1;
  return counted;
}

/** As it is, without counting. */
export function countedSoFar(): i32 {
  return counted;
}

/** Key `group` is HR_GROUP_KEY. A KnError. */
export function allocate(name: string, sizeBytes: i32, key: string): i32 {
  const block = new BlockPointer();
  const deletionKey = key === GROUP_KEY ? HR_GROUP_KEY : new DeletionKey(key);
  const status = pmmAllocate(block, new PmmName(name), sizeBytes, deletionKey);
  if (status === 0) addresses.set(name, block.address);
  return status;
}

/** A KnError. */
export function free(name: string): i32 {
  return pmmFree(new PmmName(name));
}

export function put(name: string, value: i32): void {
  store<i32>(addresses.get(name), value);
}

export function get(name: string): i32 {
  return load<i32>(addresses.get(name));
}

/** Makes the heap larger by so many pages of 64 KiB, none of them zero. */
export function grow(pages: i32): void {
  for (let page = 0; page < pages; page++) {
    const bytes = new StaticArray<u8>(PAGE_BYTES);
    memory.fill(changetype<usize>(bytes), 0x42, PAGE_BYTES);
    ballast.push(bytes);
  }
}

export function memoryPages(): i32 {
  return memory.size();
}

export function checkpoint(): i32 {
  return hrCheckpoint();
}

/** The cause of the last restart from a checkpoint; -1 when there was none. */
export function cause(): i32 {
  return restartCause;
}

export function hr_restarted(causeNumber: i32): void {
  restartCause = causeNumber;
  spawnChildren();
}

export function args(): string[] {
  return argv();
}

export function env(): string[] {
  return environment();
}

export function trap(): void {
  unreachable();
}

export function spin(): void {
  while (true) {}
}

/** Ends as it should. */
export function quit(): void {
  HR_EXIT_HDL();
  exit(0);
}

/** Ends without telling the controller. */
export function leave(status: i32): void {
  exit(status);
}
