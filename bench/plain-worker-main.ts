// The worker's side of a plain guest in a thread: starts one, calls it, and answers every request in order. It never ends itself.
import { parentPort } from 'node:worker_threads';
import { compileFile, PlainGuest } from './plain-guest.ts';

export type Request =
  | { readonly kind: 'echo' }
  /** Starts the guest, replacing the one there was. */
  | { readonly kind: 'start'; readonly source: string | WebAssembly.Module; readonly keepCopy: boolean }
  /** Calls an export. A trap is answered with `trapped`, after memory was put back where a copy was kept. */
  | { readonly kind: 'call'; readonly exportName: string }
  /** Calls what never returns; answered just before. */
  | { readonly kind: 'callForever'; readonly exportName: string };

export type Reply =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'trapped'; readonly message: string };

const DONE: Reply = { kind: 'done', value: undefined };

function serve(reply: (reply: Reply) => void): (request: Request) => void {
  let guest: PlainGuest | null = null;
  let hasCopy = false;
  const call = (exportName: string): Reply => {
    if (guest === null) throw new Error('no guest has been started');
    try {
      return { kind: 'done', value: guest.function(exportName)() };
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      if (hasCopy) guest.putBack();
      return { kind: 'trapped', message: error.message };
    }
  };
  return (request) => {
    switch (request.kind) {
      case 'echo':
        return reply(DONE);
      case 'start': {
        const { source, keepCopy } = request;
        guest = new PlainGuest(typeof source === 'string' ? compileFile(source) : source);
        hasCopy = keepCopy;
        if (keepCopy) guest.keepCopy();
        return reply(DONE);
      }
      case 'call':
        return reply(call(request.exportName));
      case 'callForever':
        reply(DONE);
        call(request.exportName);
        return;
    }
  };
}

const port = parentPort;
if (port === null) throw new Error('this file runs in a worker thread');
port.on(
  'message',
  serve((reply) => port.postMessage(reply)),
);
