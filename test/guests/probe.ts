// A reactor that makes every call of the ABI with the very numbers it is handed, and gives back the very number the host answers.
// It must add nothing of its own: what it is for is wrong pointers, lengths and names as much as right ones.
import * as hr from '../../abi/assemblyscript/imports/hr.ts';
import * as pmm from '../../abi/assemblyscript/imports/pmm.ts';
import {
  argv,
  BlockPointer,
  DeletionKey,
  environment,
  exit,
  PmmName,
  pmmAllocate as pmmAllocateBlock,
  print,
} from '../../abi/assemblyscript/index.ts';

export { __stack_pointer } from 'memory';
export * from './probe-library';

// Class ids: what a host needs to make the arrays for the calls below.
export const Uint8Array_ID = idof<Uint8Array>();
export const ArrayString_ID = idof<Array<string>>();

/** The data segment of a static string starts at the same place in every run, and is written over by `scribble`. */
const PRISTINE = 'pristine';
let bumps: i32 = 0;
let restartCause: i32 = -1;
/** What has been handed out stays: the host keeps addresses between calls, where the collector cannot see them. */
const kept: StaticArray<u8>[] = [];

if (argv().includes('trap-at-start')) unreachable();
if (argv().includes('greet')) print(`argv: ${argv().join(' ')}`);

// Memory.

/** A copy of `bytes` that stays where it is. */
export function place(bytes: Uint8Array): usize {
  const copy = new StaticArray<u8>(bytes.length);
  memory.copy(changetype<usize>(copy), bytes.dataStart, bytes.length);
  kept.push(copy);
  return changetype<usize>(copy);
}

export function peek(address: usize): i32 {
  return load<i32>(address);
}

export function poke(address: usize, value: i32): void {
  store<i32>(address, value);
}

/** The bytes there now. */
export function bytesAt(address: usize, sizeBytes: i32): Uint8Array {
  const copy = new Uint8Array(sizeBytes);
  memory.copy(copy.dataStart, address, sizeBytes);
  return copy;
}

export function fill(address: usize, byte: i32, sizeBytes: i32): void {
  memory.fill(address, <u8>byte, sizeBytes);
}

/** How many of the bytes are not `byte`. */
export function others(address: usize, byte: i32, sizeBytes: i32): i32 {
  let count = 0;
  for (let offset = 0; offset < sizeBytes; offset++) {
    if (load<u8>(address + offset) !== <u8>byte) count++;
  }
  return count;
}

export function memoryBytes(): f64 {
  return <f64>memory.size() * 65536;
}

export function growPages(pages: i32): i32 {
  return memory.grow(pages);
}

// State that a restore puts back.

export function bump(): i32 {
  bumps += 1;
  return bumps;
}

/** Writes over initialised data. */
export function scribble(): void {
  memory.fill(changetype<usize>(PRISTINE), 0x58, PRISTINE.length << 1);
}

export function data(): string {
  return `${PRISTINE}.`;
}

export function random(): f64 {
  return Math.random();
}

export function lastCause(): i32 {
  return restartCause;
}

export function hr_restarted(cause: i32): void {
  restartCause = cause;
}

// The Persistent Memory Manager.

export function pmmAllocate(
  address: usize,
  name: usize,
  sizeBytes: usize,
  key: usize,
  keySizeBytes: usize,
): i32 {
  return pmm.pmmAllocate(address, name, sizeBytes, key, keySizeBytes);
}

export function pmmFree(name: usize): i32 {
  return pmm.pmmFree(name);
}

export function pmmFreeAll(key: usize, keySizeBytes: usize): i32 {
  return pmm.pmmFreeAll(key, keySizeBytes);
}

/** Makes the block CHURN and frees it again, without end. */
export function allocateAndFreeForEver(): void {
  const name = new PmmName('CHURN');
  const key = new DeletionKey('churn');
  const block = new BlockPointer();
  while (true) {
    pmmAllocateBlock(block, name, sizeof<i32>(), key);
    pmm.pmmFree(name.address);
  }
}

// The Hot Restart Controller.

export function hrfexec(
  name: usize,
  path: usize,
  capability: usize,
  param: usize,
  argv: usize,
  envp: usize,
): i32 {
  return hr.hrfexec(name, path, capability, param, argv, envp);
}

export function hrGetprocessGroup(pid: i32): i32 {
  return hr.hrGetprocessGroup(pid);
}

export function hrKillGroup(group: i32): i32 {
  return hr.hrKillGroup(group);
}

export function hrExitHdl(): i32 {
  return hr.hrExitHdl();
}

export function hrCheckpoint(): i32 {
  return hr.hrCheckpoint();
}

export function agetId(): i32 {
  return hr.agetId();
}

/** A checkpoint, and then a failure in the same call. */
export function checkpointAndTrap(): void {
  hr.hrCheckpoint();
  unreachable();
}

/** Kills the group and goes on; the number of times it got on afterwards. */
export function killGroupAndGoOn(group: i32): i32 {
  hr.hrKillGroup(group);
  bumps += 1;
  return bumps;
}

// Surroundings and ends.

export function args(): string[] {
  return argv();
}

export function env(): string[] {
  return environment();
}

export function quit(status: i32): void {
  exit(status);
}

export function quitCleanly(status: i32): void {
  hr.hrExitHdl();
  exit(status);
}

export function trap(): void {
  unreachable();
}

/** Fails after HR_EXIT_HDL. */
export function trapAfterHandler(): void {
  hr.hrExitHdl();
  unreachable();
}

export function spin(): void {
  while (true) {}
}

/** Runs without end, but asks the host for something in every round. */
export function spinWithCalls(): void {
  while (true) hr.agetId();
}

/** Keeps busy for a number of rounds. */
export function work(rounds: i32): i32 {
  let value = 1;
  for (let round = 0; round < rounds; round++) value = value * 1103515245 + round;
  return value;
}
