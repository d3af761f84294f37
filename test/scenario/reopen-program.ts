// Lives one life of a site, tells what came of it on its standard output, and dies of SIGKILL: nothing of it is closed, flushed or given
// back. What to live it reads as JSON from its standard input.
import { readFileSync, writeSync } from 'node:fs';
import { openSite } from '#runtime/index.js';
import type { LifeRequest } from './reopen-kit.js';
import { LIVES } from './reopen-lives.js';

const STDOUT = 1;

const { life, argument, options } = JSON.parse(readFileSync(0, 'utf8')) as LifeRequest;
const body = LIVES[life];
if (body === undefined) throw new Error(`there is no life ${life}`);

let toldLater: unknown = null;
/** Between two calls, or from within a guest that asks for it. */
function die(): void {
  writeSync(STDOUT, JSON.stringify(toldLater));
  process.kill(process.pid, 'SIGKILL');
}

const imports = life === 'command' ? { host: { die: () => die() as undefined, note: () => undefined } } : {};
const site = await openSite({ ...options, imports, output: () => undefined });
toldLater = await body(site, argument);
die();
