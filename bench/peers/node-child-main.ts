// A guest in a program of its own: it answers its first call on the standard output and stays until it is killed. It must end by itself when
// nobody is there any more to kill it.
import { compileFile, PlainGuest } from '../plain-guest.ts';
import type { GuestTask } from './guest-task.ts';

const { path, exportName, args } = JSON.parse(process.argv[2] ?? '') as GuestTask;
const guest = new PlainGuest(compileFile(path));
process.stdout.write(`${guest.function(exportName)(...args)}\n`);
process.stdin.resume();
