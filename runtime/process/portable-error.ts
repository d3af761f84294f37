// Carries errors across threads: codes and messages survive, stacks stay where they were made.
import { printable } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import type { PortableError } from './worker-protocol.ts';

export function toPortable(error: unknown): PortableError {
  if (error instanceof RekindleError) {
    const prefix = `${error.code}: ${error.culprit}: `;
    const { code, name, culprit } = error;
    return { code, name, culprit, message: error.message.slice(prefix.length) };
  }
  if (error instanceof Error) return { code: null, name: error.name, culprit: '', message: error.message };
  return { code: null, name: 'Error', culprit: '', message: printable(error) };
}

export function fromPortable({ code, name, culprit, message }: PortableError): Error {
  if (code !== null) return new RekindleError(code, culprit, message);
  return Object.assign(new Error(message), { name });
}
