#!/usr/bin/env node
// The command `rekindle`: reads its arguments, and becomes a site or the keeper of one. It must say in one line on standard error
// what it cannot do, and nothing on standard output but what guests write, or what was asked for.
import { readFileSync } from 'node:fs';
import { onOneLine } from './cinit/command-words.ts';
import { keepSite } from './cli-keep.ts';
import { type Command, helpText, parseCommandLine, USAGE, UsageError } from './cli-options.ts';
import { runSite } from './cli-run.ts';
import { EXIT_USAGE } from './keeper/keeper-policy.ts';
import { ServiceNotification } from './keeper/service-notification.ts';
import { systemTimers } from './keeper/timers.ts';
import { UnixDatagramSender } from './system/unix-datagram.ts';

/** Guests, paths and arguments have a part in many lines: none of them can break or forge one. */
function say(line: string): void {
  process.stderr.write(`${onOneLine(line)}\n`);
}

function sayAsCommand(line: string): void {
  say(`rekindle: ${line}`);
}

/** A log that cannot be written, or that nobody reads any more, is no reason to end: what was to be written is lost, and that is told once. */
function outliveLogs(): void {
  process.stdout.once('error', (error) => {
    sayAsCommand(`standard output cannot be written, what goes there is lost: ${error.message}`);
  });
  // Nobody is left to be told of the other; and each of them may fail again.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

function readCommand(): Command {
  try {
    return parseCommandLine(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    sayAsCommand(error.message);
    say(`usage: ${USAGE} (--help says more)`);
    return process.exit(EXIT_USAGE);
  }
}

/** Of the package that this file is installed with. */
function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}

const command = readCommand();
switch (command.kind) {
  case 'help':
    process.stdout.write(helpText());
    break;
  case 'version':
    process.stdout.write(`${readVersion()}\n`);
    break;
  case 'run': {
    outliveLogs();
    const notification = new ServiceNotification({
      environment: process.env,
      pid: process.pid,
      timers: systemTimers,
      openSender: (address) => new UnixDatagramSender(address),
      monotonicUs: () => process.hrtime.bigint() / 1000n,
      say: sayAsCommand,
    });
    if (command.options.keep) {
      // Signals may still be on their way: nothing that this process listens to shall keep it.
      process.exit(await keepSite(import.meta.url, command.options, notification, say));
    }
    runSite(command.options, notification, sayAsCommand);
  }
}
