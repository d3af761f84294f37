// What may lie in a bank's directory under the name of one of its files and is none: each must be refused, and never waited for.
// Every one is made in place of the file that is there, or of none.
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { makeFifo } from '#test/support/fifo.js';

export interface StrangeFile {
  readonly what: string;
  readonly put: (path: string) => void;
}

export const STRANGE_FILES: readonly StrangeFile[] = [
  {
    what: 'a directory',
    put: (path) => {
      rmSync(path, { force: true });
      mkdirSync(path);
    },
  },
  {
    what: 'a FIFO',
    put: (path) => {
      rmSync(path, { force: true });
      makeFifo(path);
    },
  },
  {
    what: 'a symbolic link',
    put: (path) => {
      const target = `${path}.kept`;
      if (existsSync(path)) renameSync(path, target);
      else writeFileSync(target, '');
      symlinkSync(target, path);
    },
  },
  {
    what: 'a file of two names',
    put: (path) => {
      const other = `${path}.other`;
      if (existsSync(path)) copyFileSync(path, other);
      else writeFileSync(other, '');
      rmSync(path, { force: true });
      linkSync(other, path);
    },
  },
];
