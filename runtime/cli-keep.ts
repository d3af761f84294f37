// `rekindle run --keep`: this process becomes the keeper of a child that runs the same command without it. Only the joining is here:
// real timers, real processes and signals.
import { fileURLToPath } from 'node:url';
import { defaultBankPath } from './cli-bank.ts';
import { argumentsOf, keeperPolicy, type RunOptions } from './cli-options.ts';
import { Keeper, type KeeperSupervisor, silenceLimitMs } from './keeper/keeper.ts';
import { HEARTBEAT_VARIABLE, KEEPER_VARIABLE } from './keeper/keeper-protocol.ts';
import { spawnNode } from './keeper/node-child.ts';
import { signPeriodMs } from './keeper/silence-watch.ts';
import { systemTimers } from './keeper/timers.ts';

/** Resolves with the exit code. `script` is the file that this process was started with. */
export async function keepSite(
  script: string,
  options: RunOptions,
  supervisor: KeeperSupervisor,
  say: (line: string) => void,
): Promise<number> {
  // Found once: whatever becomes of the storage, each child opens the same bank.
  const bank = options.bank ?? defaultBankPath(options.storage);
  const policy = keeperPolicy(options.settings);
  const limitMs = silenceLimitMs(policy, supervisor);
  const variables: Record<string, string> = { [KEEPER_VARIABLE]: String(process.pid) };
  if (limitMs !== null) variables[HEARTBEAT_VARIABLE] = String(signPeriodMs(limitMs));
  const keeper = new Keeper({
    policy,
    pid: process.pid,
    timers: systemTimers,
    supervisor,
    say,
    spawn: (hasBeenReady, listener) => {
      // Once it has begun anew, it comes back hot: a death must not cost what was remembered since.
      const cold = options.cold && !hasBeenReady;
      const args = argumentsOf({ ...options, bank, cold, keep: false });
      return spawnNode([fileURLToPath(script), ...args], variables, listener);
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => keeper.stop(signal));
  process.on('SIGHUP', () => keeper.reload());
  return keeper.run();
}
