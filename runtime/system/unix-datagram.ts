// Sends datagrams to a Unix socket, which Node cannot. It must never wait: the socket does not block, and a datagram that the receiver
// has no room for is refused.
import { endianness } from 'node:os';
import { RekindleError } from '../errors.ts';
import { bindNative } from './native-library.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** The numbers above are those of the generic Linux ABI, which these architectures share. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64'];
/** More signals in a row than this, each of which cuts a call off, are a failure. */
const MAX_INTERRUPTIONS = 16;
/** sun_path. */
const MAX_PATH_BYTES = 108;

/**
 * struct sockaddr_un:
 *
 *     0        2                                  2 + 108
 *     +--------+----------------------------------+
 *     | family | path                             |
 *     +--------+----------------------------------+
 *      u16, of   a file's:     "/run/x" NUL
 *      the host  an abstract:  NUL "name", as long as the address and without a NUL behind it
 *
 * `address` begins with `/` for a file, with `@` for an abstract name. Throws OPTION_INVALID for any other, and for one too long.
 */
export function encodeSocketAddress(address: string): Uint8Array {
  const isAbstract = address.startsWith('@');
  if (!isAbstract && !address.startsWith('/')) {
    throw new RekindleError(
      'OPTION_INVALID',
      address,
      'is neither a path from the root nor an abstract name',
    );
  }
  if (address.includes('\0') || address === '@') {
    throw new RekindleError('OPTION_INVALID', JSON.stringify(address), 'is no name of a socket');
  }
  const path = Buffer.from(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (path.length > MAX_PATH_BYTES) {
    const detail = `is longer than the ${MAX_PATH_BYTES} bytes a socket's name may have`;
    throw new RekindleError('OPTION_INVALID', address, detail);
  }
  const family = Buffer.alloc(2);
  if (endianness() === 'LE') family.writeUInt16LE(AF_UNIX);
  else family.writeUInt16BE(AF_UNIX);
  return Buffer.concat([family, path]);
}

interface SocketCalls {
  socket(domain: number, type: number, protocol: number): number;
  sendto(
    fd: number,
    bytes: Uint8Array,
    sizeBytes: number,
    flags: number,
    address: Uint8Array,
    addressBytes: number,
  ): number;
  close(fd: number): number;
  /** Name of the error of the last call. */
  lastErrno(): string;
}

let bound: SocketCalls | null = null;

function loadCalls(): SocketCalls {
  bound ??= bindCalls();
  return bound;
}

function bindCalls(): SocketCalls {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch)) {
    const platform = `${process.platform} ${process.arch}`;
    throw new RekindleError('BACKEND_UNAVAILABLE', 'unix datagram', `not available on ${platform}`);
  }
  const socket = 'int socket(int domain, int type, int protocol)';
  return bindNative(socket, ({ handle, lastErrno }) => ({
    socket: handle.func(socket),
    sendto: handle.func(
      'intptr_t sendto(int fd, const uint8_t* bytes, size_t size, int flags, const uint8_t* address, uint32_t address_size)',
    ),
    close: handle.func('int close(int fd)'),
    lastErrno,
  }));
}

/** A socket without a name of its own that sends to one address. */
export class UnixDatagramSender implements Disposable {
  readonly #calls: SocketCalls;
  readonly #address: string;
  readonly #encodedAddress: Uint8Array;
  #fd: number;

  /** Throws OPTION_INVALID, BACKEND_UNAVAILABLE or SYSTEM_CALL_FAILED. Whether anybody listens shows when something is sent. */
  constructor(address: string) {
    this.#address = address;
    this.#encodedAddress = encodeSocketAddress(address);
    this.#calls = loadCalls();
    this.#fd = this.#calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (this.#fd === -1) throw new RekindleError('SYSTEM_CALL_FAILED', 'socket', this.#calls.lastErrno());
  }

  /** Sends it as one datagram. Throws SYSTEM_CALL_FAILED with the errno name and the address. */
  send(bytes: Uint8Array): void {
    const { sendto, lastErrno } = this.#calls;
    const address = this.#encodedAddress;
    for (let interruptions = 0; ; interruptions += 1) {
      if (sendto(this.#fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length) !== -1) return;
      const errno = lastErrno();
      if (errno !== 'EINTR' || interruptions === MAX_INTERRUPTIONS) {
        throw new RekindleError('SYSTEM_CALL_FAILED', 'sendto', `${errno}: ${this.#address}`);
      }
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd === -1) return;
    const fd = this.#fd;
    this.#fd = -1;
    const { close, lastErrno } = this.#calls;
    if (close(fd) === -1) throw new RekindleError('SYSTEM_CALL_FAILED', 'close', lastErrno());
  }
}
