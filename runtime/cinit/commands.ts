// Runs commands on a site and writes what they have to say. It holds no rule of the site's, and what the site refuses is a value here;
// a bug of ours must pass through it unhindered.
import { refuse } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import { invariant, unreachable } from '../invariant.ts';
import { MAX_ARGUMENT_COUNT } from '../limits.ts';
import type { BlockRow } from '../memory/persistent-memory-manager.ts';
import type { ArunOptions } from './arun-options.ts';
import type { Command } from './command-line.ts';
import { onOneLine } from './command-words.ts';
import type { ProcessRow } from './reports.ts';

/** As much of a site as commands need. */
export interface CommandSite {
  arun(path: string, options: ArunOptions): Promise<{ readonly pid: number }>;
  aps(): readonly ProcessRow[];
  akill(pid: number): Promise<void>;
  killGroup(group: number): Promise<void>;
  releaseGroup(group: number): Promise<void>;
  pmstat(): readonly BlockRow[];
}

/** Takes whole lines, each with its `\n`. */
export type ConsoleWriter = (text: string) => void;

export type CommandOutcome = { readonly ok: true } | { readonly ok: false; readonly error: RekindleError };

/** Nothing to say in this cell. */
const NONE = '-';
const GAP = '  ';

/** Rows below their headings, each column as wide as its widest cell. Cells come from guests too: none can break a line. */
function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [headings, ...rows.map((row) => row.map((cell) => onOneLine(String(cell)) || NONE))];
  const widths = headings.map((_, column) => {
    return cells.reduce((widest, row) => Math.max(widest, characterCount(row[column] ?? '')), 0);
  });
  const lines = cells.map((row) => {
    invariant(row.length === headings.length, 'a row has a cell for each heading');
    const padded = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - characterCount(cell)));
    return `${padded.join(GAP).trimEnd()}\n`;
  });
  return lines.join('');
}

function characterCount(text: string): number {
  return [...text].length;
}

function processTable(rows: readonly ProcessRow[]): string {
  return table(
    ['UID', 'PID', 'NAME', 'STATE', 'GROUP', 'PLACEMENT', 'GENERATION'],
    rows.map((row) => {
      const { uid, pid, name, state, group, placement, generation } = row;
      return [uid, pid, name, state, group ?? NONE, placement, generation];
    }),
  );
}

function blockTable(rows: readonly BlockRow[]): string {
  return table(
    ['NAME', 'SIZE', 'KEY', 'GROUP', 'OWNER', 'MAPPINGS'],
    rows.map((row) => [row.name, row.sizeBytes, row.key, row.group ?? NONE, row.owner, row.mappings]),
  );
}

/** One list of commands: what `setenv` says in it holds for the processes that are started after it. */
export class Commands {
  readonly #site: CommandSite;
  readonly #console: ConsoleWriter;
  readonly #environment = new Map<string, string>();

  constructor(site: CommandSite, console: ConsoleWriter) {
    this.#site = site;
    this.#console = console;
  }

  /** Resolves when the command is done: for `arun`, when the process has been launched. Never rejects with a RekindleError. */
  async run(command: Command): Promise<CommandOutcome> {
    try {
      await this.#perform(command);
      return { ok: true };
    } catch (error) {
      if (!(error instanceof RekindleError)) throw error;
      return { ok: false, error };
    }
  }

  async #perform(command: Command): Promise<void> {
    switch (command.kind) {
      case 'arun':
        return this.#arun(command.path, command.options);
      case 'aps':
        return this.#console(processTable(this.#site.aps()));
      case 'pmstat':
        return this.#console(blockTable(this.#site.pmstat()));
      case 'akill':
        for (const pid of command.pids) await this.#site.akill(pid);
        return;
      case 'akill-group':
        return this.#site.killGroup(command.group);
      case 'release':
        return this.#site.releaseGroup(command.group);
      case 'echo':
        return this.#console(`${command.words.join(' ')}\n`);
      case 'setenv':
        return this.#setenv(command.name, command.value);
      case 'unsetenv':
        this.#environment.delete(command.name);
        return;
      default:
        return unreachable(command);
    }
  }

  async #arun(path: string, options: ArunOptions): Promise<void> {
    const env = { ...Object.fromEntries(this.#environment), ...options.env };
    const { pid } = await this.#site.arun(path, { ...options, env });
    this.#console(`Started pid = ${pid}\n`);
  }

  #setenv(name: string, value: string): void {
    // More than a process may have would make every later arun fail.
    const isOneMore = !this.#environment.has(name);
    if (isOneMore && this.#environment.size >= MAX_ARGUMENT_COUNT) {
      refuse('setenv', `there are ${MAX_ARGUMENT_COUNT} variables already`);
    }
    this.#environment.set(name, value);
  }
}
