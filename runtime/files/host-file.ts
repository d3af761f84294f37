// An open regular file of the host. Positions come with every call: the host's own position is never used, so nothing of a descriptor is
// the kernel's to keep.
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { EFBIG, ENOTSUP, FileError } from '../wasi/errno.ts';
import type { OpenFile } from '../wasi/file-system.ts';
import { onHost, requireNone } from './host-errors.ts';
import { HostNode } from './host-node.ts';

export class HostFile extends HostNode implements OpenFile {
  readonly kind = 'file';
  #appendFd: number | null = null;

  read(into: Uint8Array, position: number): number {
    // The host's file may be longer than any position a guest can have.
    const sizeBytes = Math.min(into.byteLength, Number.MAX_SAFE_INTEGER - position);
    if (sizeBytes === 0) return 0;
    return onHost(() => readSync(this.fd, into, 0, sizeBytes, position));
  }

  write(bytes: Uint8Array, position: number): number {
    if (bytes.byteLength === 0) return 0;
    if (!Number.isSafeInteger(position + bytes.byteLength)) throw new FileError(EFBIG);
    return onHost(() => writeSync(this.fd, bytes, 0, bytes.byteLength, position));
  }

  /** Through a descriptor that the kernel appends by: nobody else's bytes come in between. */
  append(bytes: Uint8Array): { readonly writtenBytes: number; readonly endBytes: number } {
    return onHost(() => {
      if (!Number.isSafeInteger(fstatSync(this.fd).size + bytes.byteLength)) throw new FileError(EFBIG);
      this.#appendFd ??= openSync(this.ownName, constants.O_WRONLY | constants.O_APPEND);
      const writtenBytes = writeSync(this.#appendFd, bytes, 0, bytes.byteLength);
      return { writtenBytes, endBytes: fstatSync(this.fd).size };
    });
  }

  setSize(sizeBytes: number): void {
    onHost(() => ftruncateSync(this.fd, sizeBytes));
  }

  allocate(position: number, sizeBytes: number): void {
    const { calls } = this.mount;
    if (calls === null) throw new FileError(ENOTSUP);
    requireNone(calls.allocate(this.fd, position, sizeBytes));
  }

  override close(): void {
    const fd = this.#appendFd;
    this.#appendFd = null;
    if (fd !== null) closeSync(fd);
    super.close();
  }
}
