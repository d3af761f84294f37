// The receiving half of a Unix datagram socket, as a service manager has one, bound through koffi since Node has none. It never
// waits: a test asks for what has come so far.
import koffi from 'koffi';
import { until } from './scenario.js';

const library = koffi.load(null);
const socket: (domain: number, type: number, protocol: number) => number = library.func(
  'int socket(int domain, int type, int protocol)',
);
const bind: (fd: number, address: Uint8Array, sizeBytes: number) => number = library.func(
  'int bind(int fd, const uint8_t* address, uint32_t size)',
);
const receive: (fd: number, bytes: Uint8Array, sizeBytes: number, flags: number) => number = library.func(
  'intptr_t recv(int fd, _Out_ uint8_t* bytes, size_t size, int flags)',
);
const close: (fd: number) => number = library.func('int close(int fd)');

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const MAX_DATAGRAM_BYTES = 65_536;

export class DatagramReceiver implements Disposable {
  /** As NOTIFY_SOCKET has it. */
  readonly address: string;
  readonly #fd: number;
  readonly #received: string[] = [];

  /** `address`: a path, which its owner removes, or `@` and an abstract name. */
  constructor(address: string) {
    this.address = address;
    this.#fd = socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    if (this.#fd === -1) throw new Error('no socket');
    const path = address.startsWith('@') ? `\0${address.slice(1)}` : `${address}\0`;
    const encoded = Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), Buffer.from(path)]);
    if (bind(this.#fd, encoded, encoded.length) === -1) {
      close(this.#fd);
      throw new Error(`cannot bind ${address}`);
    }
  }

  /** All datagrams so far, as text. */
  received(): readonly string[] {
    const bytes = Buffer.alloc(MAX_DATAGRAM_BYTES);
    for (;;) {
      const sizeBytes = receive(this.#fd, bytes, bytes.length, 0);
      if (sizeBytes === -1) return this.#received;
      this.#received.push(bytes.toString('utf8', 0, sizeBytes));
    }
  }

  /** Resolves when so many datagrams have come that contain `text`. */
  async has(text: string, count = 1): Promise<void> {
    const found = () => this.received().filter((datagram) => datagram.includes(text)).length;
    await until(`${count} datagrams with ${JSON.stringify(text)}`, () => found() >= count);
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
