// A descriptor as an executing image keeps it: plain data, enough to open the same again. Nothing of the thread it was captured in may be
// part of it.

export type StreamName = 'stdin' | 'stdout' | 'stderr';

interface CapturedCommon {
  readonly number: number;
  readonly rights: number;
  readonly inheriting: number;
  readonly flags: number;
}

export interface CapturedStream extends CapturedCommon {
  readonly kind: 'stream';
  readonly stream: StreamName;
  readonly position: number;
}

export interface CapturedFile extends CapturedCommon {
  readonly kind: 'file';
  readonly mount: number;
  readonly bookmark: string;
  readonly read: boolean;
  readonly write: boolean;
  readonly position: number;
}

export interface CapturedDirectory extends CapturedCommon {
  readonly kind: 'directory';
  readonly mount: number;
  /** Null of a preopened one: it is the root of its mount. */
  readonly bookmark: string | null;
  readonly preopenName: string | null;
}

export type CapturedNode = CapturedFile | CapturedDirectory;
export type CapturedDescriptor = CapturedStream | CapturedNode;
