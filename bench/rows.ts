// The rows of the benchmark in the order they are run and shown. Nothing but the list.
import type { Row } from './row.ts';
import { call } from './rows/call.ts';
import { checkpointRow } from './rows/checkpoint.ts';
import { density } from './rows/density.ts';
import { guests } from './rows/guests.ts';
import { hostDeath } from './rows/host-death.ts';
import { load } from './rows/load.ts';
import { restartDirectory } from './rows/restart-directory.ts';
import { restartGroup } from './rows/restart-group.ts';
import { restartLoop } from './rows/restart-loop.ts';
import { restartThread } from './rows/restart-thread.ts';
import { restoreInline } from './rows/restore-inline.ts';
import { restoreQuickjs } from './rows/restore-quickjs.ts';
import { spawn } from './rows/spawn.ts';
import { steady } from './rows/steady.ts';

export const ROWS: readonly Row[] = [
  restoreInline,
  restoreQuickjs,
  guests,
  restartThread,
  restartLoop,
  restartGroup,
  spawn,
  checkpointRow,
  call,
  steady,
  density,
  load,
  restartDirectory,
  hostDeath,
];
