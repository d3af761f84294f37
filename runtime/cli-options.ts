// The command line of `rekindle`, read strictly: what is not understood is refused by name, since a misspelt limit would be no limit.
// It opens nothing, and what it has read it can write down again for a child process.
import { parseArgs } from 'node:util';
import { DEFAULT_KEEPER_POLICY, KEEPER_BOUNDS, type KeeperPolicy } from './keeper/keeper-policy.ts';
import { LIMIT_BOUNDS, MAX_COUNTED_RESTARTS } from './limits.ts';
import type { SiteOptions } from './site-options.ts';

export const USAGE = 'rekindle run --storage DIR [--bank DIR] [--cold] [--keep] [--set NAME=VALUE]...';

const BACKENDS = ['auto', 'mapped', 'copied'] as const;
const SYNCS = ['auto', 'commit', 'none'] as const;
/** Longest delay a timer of the host takes, in milliseconds. */
const MAX_INTERVAL_MS = 2 ** 31 - 1;

export interface RunOptions {
  readonly storage: string;
  /** Null: the place that belongs to the storage. */
  readonly bank: string | null;
  readonly cold: boolean;
  readonly keep: boolean;
  readonly backend: (typeof BACKENDS)[number];
  readonly sync: (typeof SYNCS)[number];
  /** By the names of the command line, as far as they were given. */
  readonly settings: ReadonlyMap<SettingName, number>;
}

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly options: RunOptions };

/** What is wrong with a command line, in one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const COUNT = { min: 0, max: MAX_COUNTED_RESTARTS };
const INTERVAL = { min: 1, max: MAX_INTERVAL_MS };
/** 0: off, 1: on. */
const SWITCH = { min: 0, max: 1 };

/** Where each setting goes, and what it may be. */
const SETTINGS = {
  'pmm.rambankSize': { part: 'limits', field: 'bankSizeBytes', ...LIMIT_BOUNDS.bankSizeBytes },
  'pmm.maxBlocks': { part: 'limits', field: 'maxBlocks', ...LIMIT_BOUNDS.maxBlocks },
  'hrCtrl.maxProcesses': { part: 'limits', field: 'maxProcesses', ...LIMIT_BOUNDS.maxProcesses },
  'hrCtrl.maxGroups': { part: 'limits', field: 'maxGroups', ...LIMIT_BOUNDS.maxGroups },
  'hrCtrl.maxBadness': { part: 'policy', field: 'maxBadness', ...COUNT },
  'hrCtrl.interval': { part: 'policy', field: 'intervalMs', ...INTERVAL },
  'hrCtrl.maxFutileFailures': { part: 'policy', field: 'maxFutileFailures', ...COUNT },
  'hrCtrl.maxGenerations': { part: 'limits', field: 'maxGenerations', ...LIMIT_BOUNDS.maxGenerations },
  'site.maxRestarts': { part: 'policy', field: 'maxSiteRestarts', ...COUNT },
  'site.interval': { part: 'policy', field: 'siteIntervalMs', ...INTERVAL },
  'rungs.rollback': { part: 'rungs', field: 'rollback', ...SWITCH },
  'rungs.site': { part: 'rungs', field: 'site', ...SWITCH },
  'rungs.cold': { part: 'rungs', field: 'cold', ...SWITCH },
  'rungs.quarantine': { part: 'rungs', field: 'quarantine', ...SWITCH },
  'keeper.maxDeaths': { part: 'keeper', field: 'maxDeaths', ...KEEPER_BOUNDS.maxDeaths },
  'keeper.interval': { part: 'keeper', field: 'intervalMs', ...KEEPER_BOUNDS.intervalMs },
  'keeper.watchdog': { part: 'keeper', field: 'watchdogMs', ...KEEPER_BOUNDS.watchdogMs },
  'keeper.startLimit': { part: 'keeper', field: 'startLimitMs', ...KEEPER_BOUNDS.startLimitMs },
} as const;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** What `--help` prints. */
export function helpText(): string {
  const settings = SETTING_NAMES.map((name) => `  ${name.padEnd(24)} ${rangeText(name, '..')}`);
  return [
    `usage: ${USAGE}`,
    '',
    'Runs a site: its bank is opened, what it remembers is restarted, and it stays until it is told to end.',
    '',
    '  --storage DIR   stable storage: the directory of the modules and of sysadm.ini',
    '  --bank DIR      where the site is remembered (default: a place in memory that belongs to the storage)',
    '  --cold          begin anew, whatever the bank remembers',
    '  --keep          under a keeper, which starts the site again when it dies',
    `  --backend NAME  ${BACKENDS.join(', ')} (default: auto)`,
    `  --sync NAME     when the bank goes to the medium: ${SYNCS.join(', ')} (default: auto)`,
    '  --set NAME=VALUE, any number of them; sizes in bytes, intervals in milliseconds, rungs on (1) or off (0):',
    ...settings,
    '  --help, --version',
    '',
    'SIGTERM, SIGINT: shut down. SIGHUP: restart the site from its images.',
    '',
  ].join('\n');
}

/** Throws UsageError. */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = readArguments(args);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const [command, ...rest] = positionals;
  if (command === undefined) throw new UsageError('no command is given');
  if (command !== 'run') throw new UsageError(`there is no command '${command}'`);
  if (rest.length > 0) throw new UsageError(`run takes no argument '${rest[0]}'`);
  const { storage, bank } = values;
  return {
    kind: 'run',
    options: {
      storage: storage === undefined ? refuse('run needs --storage') : requirePath('--storage', storage),
      bank: bank === undefined ? null : requirePath('--bank', bank),
      cold: values.cold === true,
      keep: values.keep === true,
      backend: requireChoice('--backend', values.backend ?? 'auto', BACKENDS),
      sync: requireChoice('--sync', values.sync ?? 'auto', SYNCS),
      settings: readSettings(values.set ?? []),
    },
  };
}

/** The arguments that `parseCommandLine` reads as these options. */
export function argumentsOf(options: RunOptions): readonly string[] {
  const { storage, bank, cold, keep, backend, sync, settings } = options;
  return [
    'run',
    `--storage=${storage}`,
    ...(bank === null ? [] : [`--bank=${bank}`]),
    ...(cold ? ['--cold'] : []),
    ...(keep ? ['--keep'] : []),
    `--backend=${backend}`,
    `--sync=${sync}`,
    ...[...settings].map(([name, value]) => `--set=${name}=${value}`),
  ];
}

/** The limits and the policy of a site, as far as they were given. */
export function siteSettings(
  settings: RunOptions['settings'],
): Required<Pick<SiteOptions, 'limits' | 'policy'>> {
  const switches = Object.entries(given(settings, 'rungs')).map(([rung, value]) => [rung, value === 1]);
  return {
    limits: given(settings, 'limits'),
    policy: { ...given(settings, 'policy'), rungs: Object.fromEntries(switches) },
  };
}

export function keeperPolicy(settings: RunOptions['settings']): KeeperPolicy {
  return { ...DEFAULT_KEEPER_POLICY, ...given(settings, 'keeper') };
}

function given(
  settings: RunOptions['settings'],
  part: (typeof SETTINGS)[SettingName]['part'],
): Readonly<Record<string, number>> {
  const ofPart = [...settings].filter(([name]) => SETTINGS[name].part === part);
  return Object.fromEntries(ofPart.map(([name, value]) => [SETTINGS[name].field, value]));
}

function readArguments(args: readonly string[]) {
  try {
    const { values, positionals, tokens } = parseArgs({
      args: [...args],
      allowPositionals: true,
      tokens: true,
      options: {
        storage: { type: 'string' },
        bank: { type: 'string' },
        cold: { type: 'boolean' },
        keep: { type: 'boolean' },
        backend: { type: 'string' },
        sync: { type: 'string' },
        set: { type: 'string', multiple: true },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    });
    requireOnce(tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : [])));
    return { values, positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Anything else that parseArgs throws is ours.
    if (!(error instanceof TypeError) || !('code' in error)) throw error;
    // Its advice how to write such a word would lead astray: no command takes one.
    const [, unknown] = /^Unknown option '(.*?)'\. To specify /s.exec(error.message) ?? [];
    const detail = unknown === undefined ? error.message : `there is no option '${unknown}'`;
    return refuse(detail.replaceAll(/\s*\n\s*/g, ' '));
  }
}

/** Of an option that is given twice the last would win without a word. */
function requireOnce(names: readonly string[]): void {
  const again = names.find((name, index) => name !== 'set' && names.indexOf(name) < index);
  if (again !== undefined) refuse(`--${again} is given twice`);
}

function readSettings(texts: readonly string[]): ReadonlyMap<SettingName, number> {
  const settings = new Map<SettingName, number>();
  for (const text of texts) {
    const [, name = '', digits = ''] =
      /^([^=]*)=(.*)$/s.exec(text) ?? refuse(`--set ${text}: is not NAME=VALUE`);
    if (!isSetting(name)) return refuse(`--set ${text}: there is no setting '${name}'`);
    if (settings.has(name)) refuse(`--set ${text}: ${name} is given twice`);
    const value = /^[0-9]{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
    if (!isInRange(name, value)) refuse(`--set ${text}: must be a whole number, ${rangeText(name, ' to ')}`);
    settings.set(name, value);
  }
  return settings;
}

function isInRange(name: SettingName, value: number): boolean {
  const setting = SETTINGS[name];
  return (value >= setting.min && value <= setting.max) || (value === 0 && 'zeroIsOff' in setting);
}

function rangeText(name: SettingName, between: string): string {
  const setting = SETTINGS[name];
  return `${'zeroIsOff' in setting ? '0, or ' : ''}${setting.min}${between}${setting.max}`;
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

function requirePath(option: string, path: string): string {
  if (path === '') return refuse(`${option} is empty`);
  return path.includes('\0') ? refuse(`${option} contains a NUL character`) : path;
}

function requireChoice<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === value);
  return choice ?? refuse(`${option} must be one of ${choices.join(', ')}, not '${value}'`);
}

function refuse(detail: string): never {
  throw new UsageError(detail);
}
