// The standard streams of a process that nobody listens to: nothing to read, and what it writes is the site's.
import { Stdio } from '#runtime/process/stdio.js';

const NO_ENDS = { stdin: null, stdout: null, stderr: null };

export const NO_STDIO = new Stdio({ stdin: 'empty', stdout: 'site', stderr: 'site' }, NO_ENDS, NO_ENDS);
