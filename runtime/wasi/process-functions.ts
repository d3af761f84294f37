// The functions of WASI that concern the process itself and no descriptor: its end, its randomness, and giving way. What ends a run is
// thrown by the context; nothing here may catch it.
import { answering, type FunctionContext } from './answer.ts';
import { EINVAL, ESUCCESS, FileError } from './errno.ts';

/** By number, as preview 1 counts them; 0 is the check whether a signal could be sent. */
const SIGNALS = [
  ...['none', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL'],
  ...['SIGUSR1', 'SIGSEGV', 'SIGUSR2', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGCHLD', 'SIGCONT', 'SIGSTOP'],
  ...['SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGPROF', 'SIGWINCH'],
  ...['SIGPOLL', 'SIGPWR', 'SIGSYS'],
] as const;

/** Signals that do nothing to a process that has no handler for them. */
const IGNORED: readonly string[] = ['none', 'SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH'];

/** proc_exit, proc_raise, random_get and sched_yield. */
export function processFunctions(functions: FunctionContext) {
  const { context } = functions;
  return {
    proc_exit: (status: number): never => context.exit(status >>> 0),

    /** No handler can be installed in preview 1, so a signal does what it does by default: it ends the run, or nothing. */
    proc_raise: answering(functions, (_guest, number: number) => {
      const signal = SIGNALS[number];
      if (signal === undefined) throw new FileError(EINVAL);
      if (!IGNORED.includes(signal)) context.raise(signal);
    }),

    random_get: answering(functions, (guest, buffer: number, lengthBytes: number) => {
      context.fillRandom(guest.range(buffer, lengthBytes));
    }),

    /** The guest has its thread to itself, or shares it with callers who wait: there is nobody to give way to. */
    sched_yield: (): number => ESUCCESS,
  };
}
