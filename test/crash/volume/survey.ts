// All that is in a volume, read without changing anything, and how what was found after a crash is held against what was promised: names
// as before or as after what was under way, and content of which every byte has been stored where it stands.
import type { Volumes } from '#runtime/files/volumes.js';

export interface SurveyedNode {
  readonly inode: number;
  /** All but the content: type, links, what a symbolic link leads to. */
  readonly told: string;
  /** Null of what is no regular file. */
  readonly bytes: Uint8Array | null;
}

/** By path, in the order of directories' entries. */
export type Survey = ReadonlyMap<string, SurveyedNode>;

export function surveyOf(volumes: Volumes, name: string): Survey {
  const volume = volumes.find(name);
  const survey = new Map<string, SurveyedNode>();
  if (volume === null) return survey;
  const { books, content } = volume;
  const walk = (directory: number, path: string): void => {
    for (const [each, inode] of books.tree.names(directory)) {
      const node = books.node(inode);
      const links = Number(books.stat(inode).links);
      const told = `${node.kind} ${links} ${node.kind === 'symlink' ? node.content : ''}`;
      const bytes = node.kind === 'regular' ? content.read(inode) : null;
      survey.set(`${path}/${each}`, { inode, told, bytes });
      if (node.kind === 'directory') walk(inode, `${path}/${each}`);
    }
  };
  walk(1, '');
  return survey;
}

/** What the content of one file may be. */
export interface AllowedContent {
  /** One of their lengths it has. */
  readonly lengths: readonly Uint8Array[];
  /** Every byte is as in one of them. */
  readonly bytes: readonly Uint8Array[];
  readonly orZero: boolean;
}

/** What is wrong, as sentences; empty when nothing is. `promised`: one of them holds, but for contents. */
export function wrongWith(
  found: Survey,
  promised: readonly Survey[],
  allowed: (inode: number) => AllowedContent,
): readonly string[] {
  const unlike = promised.map((survey) => differences(survey, found));
  if (unlike.every((each) => each.length > 0))
    return unlike.map((each, index) => `unlike state ${index}: ${each.join('; ')}`);
  return [...found].flatMap(([path, { inode, bytes }]) => {
    const wrong = bytes === null ? null : wrongContent(bytes, allowed(inode));
    return wrong === null ? [] : [`${path}: ${wrong}`];
  });
}

function differences(expected: Survey, found: Survey): readonly string[] {
  const lines = (survey: Survey): readonly string[] =>
    [...survey].map(([path, { inode, told }]) => `${path} ${inode} ${told}`);
  const [should, is] = [lines(expected), lines(found)];
  if (should.join('\n') === is.join('\n')) return [];
  const missing = should.filter((line) => !is.includes(line)).map((line) => `not there: ${line}`);
  const more = is.filter((line) => !should.includes(line)).map((line) => `there: ${line}`);
  return missing.length + more.length > 0 ? [...missing, ...more] : ['in another order'];
}

function wrongContent(found: Uint8Array, { lengths, bytes, orZero }: AllowedContent): string | null {
  if (!lengths.some(({ length }) => length === found.length))
    return `${found.length} bytes, not ${lengths.map(({ length }) => length).join(' or ')}`;
  for (let at = 0; at < found.length; at += 1) {
    const value = found[at];
    if (orZero && value === 0) continue;
    if (bytes.some((version) => at < version.length && version[at] === value)) continue;
    return `${value} at ${at} has never been there`;
  }
  return null;
}
