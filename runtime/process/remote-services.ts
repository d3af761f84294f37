// The host's services as a guest in a worker reaches them: each request is posted to the main thread and the worker sleeps until
// the answer is there. It must never wait without a bound, nor take an answer meant for an earlier request.
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { HOST_CALL_TIMEOUT_MS, MAX_OUTPUT_BYTES } from '../limits.ts';
import { fromPortable } from './portable-error.ts';
import type { HostServices } from './services.ts';
import {
  type AwaitedService,
  type FromWorker,
  type ServiceReply,
  SIGNAL_EXIT_HANDLER,
  SIGNAL_REPLIES,
} from './worker-protocol.ts';

/** What a piece of output counts at least: a message costs the main thread a turn, however little it carries. */
const OUTPUT_PIECE_COST_BYTES = MAX_OUTPUT_BYTES / 64;

export class RemoteServices implements HostServices {
  readonly #port: MessagePort;
  readonly #replies: MessagePort;
  readonly #signal: Int32Array;
  #requests = 0;
  #untakenBytes = 0;
  /** The run on whose behalf requests are made. */
  pid = 0;

  constructor(port: MessagePort, replies: MessagePort, signal: SharedArrayBuffer) {
    this.#port = port;
    this.#replies = replies;
    this.#signal = new Int32Array(signal);
  }

  pmmAllocate(...args: Parameters<HostServices['pmmAllocate']>): ReturnType<HostServices['pmmAllocate']> {
    return this.#request('pmmAllocate', args);
  }

  pmmFree(...args: Parameters<HostServices['pmmFree']>): ReturnType<HostServices['pmmFree']> {
    return this.#request('pmmFree', args);
  }

  pmmFreeAll(...args: Parameters<HostServices['pmmFreeAll']>): ReturnType<HostServices['pmmFreeAll']> {
    return this.#request('pmmFreeAll', args);
  }

  pmmUnmapped(...args: Parameters<HostServices['pmmUnmapped']>): void {
    this.#request('pmmUnmapped', args);
  }

  hrfexec(...args: Parameters<HostServices['hrfexec']>): number {
    return this.#request('hrfexec', args);
  }

  hrGetprocessGroup(...args: Parameters<HostServices['hrGetprocessGroup']>): number {
    return this.#request('hrGetprocessGroup', args);
  }

  hrKillGroup(...args: Parameters<HostServices['hrKillGroup']>): number {
    return this.#request('hrKillGroup', args);
  }

  reserveImage(...args: Parameters<HostServices['reserveImage']>): ReturnType<HostServices['reserveImage']> {
    return this.#request('reserveImage', args);
  }

  commitImage(...args: Parameters<HostServices['commitImage']>): void {
    this.#request('commitImage', args);
  }

  reacquireBlocks(): ReturnType<HostServices['reacquireBlocks']> {
    return this.#request('reacquireBlocks', []);
  }

  callHostFunction(
    ...args: Parameters<HostServices['callHostFunction']>
  ): ReturnType<HostServices['callHostFunction']> {
    return this.#request('callHostFunction', args);
  }

  readInput(...args: Parameters<HostServices['readInput']>): ReturnType<HostServices['readInput']> {
    return this.#request('readInput', args);
  }

  volume(...args: Parameters<HostServices['volume']>): ReturnType<HostServices['volume']> {
    return this.#request('volume', args);
  }

  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    this.#post({ kind: 'write', pid: this.pid, stream, bytes });
    this.#untakenBytes += Math.max(bytes.length, OUTPUT_PIECE_COST_BYTES);
    if (this.#untakenBytes >= MAX_OUTPUT_BYTES) this.outputTaken();
  }

  outputTaken(): void {
    this.#request('outputTaken', []);
    this.#untakenBytes = 0;
  }

  exitHandlerInstalled(): void {
    Atomics.store(this.#signal, SIGNAL_EXIT_HANDLER, this.pid);
  }

  #post(message: FromWorker): void {
    this.#port.postMessage(message);
  }

  /** The caller names the type of the answer; both ends of the channel are this project's. */
  #request<T>(service: AwaitedService, args: readonly unknown[]): T {
    const request = ++this.#requests;
    this.#post({ kind: 'service', pid: this.pid, service, request, args });
    const reply = this.#awaitReply(service, request);
    if (reply.kind === 'thrown') throw fromPortable(reply.error);
    return reply.value as T;
  }

  /** A reply to an earlier request, one that was given up waiting for, may still arrive: it is dropped. */
  #awaitReply(service: AwaitedService, request: number): ServiceReply {
    const deadlineMs = performance.now() + HOST_CALL_TIMEOUT_MS;
    for (;;) {
      const repliesBefore = Atomics.load(this.#signal, SIGNAL_REPLIES);
      const received = receiveMessageOnPort(this.#replies);
      if (received === undefined) {
        const remainingMs = deadlineMs - performance.now();
        if (remainingMs <= 0)
          throw new Error(`the host did not answer ${service} within ${HOST_CALL_TIMEOUT_MS} ms`);
        Atomics.wait(this.#signal, SIGNAL_REPLIES, repliesBefore, remainingMs);
        continue;
      }
      const reply = received.message as ServiceReply;
      if (reply.request === request) return reply;
    }
  }
}
