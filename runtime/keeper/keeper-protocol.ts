// What a kept site tells its keeper over the channel between them, and what both tell whoever waits for the site. Messages come from
// a process in which code of the embedder's may run: one that is not understood is none of ours, and must change nothing.

/** In the environment of a kept site: pid of its keeper. Without it a channel to the parent process is not a keeper's. */
export const KEEPER_VARIABLE = 'REKINDLE_KEEPER';
/** In the environment of a kept site: how often it is to send a sign of life, in milliseconds. Not there: never. */
export const HEARTBEAT_VARIABLE = 'REKINDLE_HEARTBEAT_MS';

/** Characters of a status; what is longer is cut. */
const MAX_STATUS_LENGTH = 500;

/** Whoever is told how a site fares: the keeper, or the service manager. No method throws or waits. */
export interface Supervisor {
  /** How often `alive` is to be called, in milliseconds; null for never. */
  readonly alivePeriodMs: number | null;
  /** The site is open. Again after each `reloading`. */
  ready(status: string): void;
  reloading(): void;
  stopping(): void;
  alive(): void;
}

export type ChildMessage =
  | { readonly kind: 'ready'; readonly status: string }
  | { readonly kind: 'alive' }
  | { readonly kind: 'reloading' }
  | { readonly kind: 'stopping' };

/** Null for what is no message of ours. */
export function readChildMessage(value: unknown): ChildMessage | null {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return null;
  switch (value.kind) {
    case 'ready':
      if (!('status' in value) || typeof value.status !== 'string') return null;
      return { kind: 'ready', status: oneLine(value.status) };
    case 'alive':
    case 'reloading':
    case 'stopping':
      return { kind: value.kind };
    default:
      return null;
  }
}

/** As a status may be shown: one line of bounded length, without control characters. */
export function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, MAX_STATUS_LENGTH);
}

/** A whole number above 0 as it stands in an environment; null for anything else. */
export function readCount(text: string | undefined): number | null {
  if (text === undefined || !/^[0-9]{1,15}$/.test(text)) return null;
  const count = Number(text);
  return count > 0 ? count : null;
}
