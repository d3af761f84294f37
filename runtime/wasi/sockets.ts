// WASI's sockets: there are none, and nothing a guest can open is one. Each function says so, and must never say anything else.
import { answering, type FunctionContext } from './answer.ts';
import { ENOTSOCK, FileError } from './errno.ts';

/** sock_accept, sock_recv, sock_send and sock_shutdown: EBADF for no descriptor, ENOTSOCK for any other. */
export function socketFunctions(functions: FunctionContext) {
  const { table } = functions;
  const refusing = <Parameters extends readonly number[]>() =>
    answering(functions, (_guest, descriptor: number, ..._rest: Parameters) => {
      table.get(descriptor);
      throw new FileError(ENOTSOCK);
    });
  return {
    sock_accept: refusing<[flags: number, accepted: number]>(),
    sock_recv:
      refusing<[iovecs: number, iovecCount: number, flags: number, received: number, outFlags: number]>(),
    sock_send: refusing<[iovecs: number, iovecCount: number, flags: number, sent: number]>(),
    sock_shutdown: refusing<[how: number]>(),
  };
}
