// The content of an in-memory mount as bytes: what a checkpoint keeps of it. A reader must never trust what it has not checked; whatever
// does not make a sound tree is no tree at all.
import { FramedContents, frameContents } from '../wasi/framed-contents.ts';
import type { MemoryNode } from './memory-tree.ts';

//  As framed-contents.ts draws it. The text is a list of nodes; a file's content is not in it, only its size.

interface NodeText {
  readonly inode: number;
  readonly kind: MemoryNode['kind'];
  readonly links: number;
  /** Accessed, modified, changed; in nanoseconds. */
  readonly times: readonly [string, string, string];
  readonly entries?: readonly (readonly [name: string, inode: number])[];
  readonly sizeBytes?: number;
  readonly text?: string;
}

export function encodeNodes(nodes: readonly MemoryNode[]): Uint8Array {
  const files = nodes.filter((node) => node.kind === 'regular');
  return frameContents(
    nodes.map(textOf),
    files.map(({ content, sizeBytes }) => content.subarray(0, sizeBytes)),
  );
}

/** Null when the bytes are not those of a tree. */
export function decodeNodes(bytes: Uint8Array): readonly MemoryNode[] | null {
  const framed = FramedContents.read(bytes);
  if (framed === null || !Array.isArray(framed.text)) return null;
  const nodes: MemoryNode[] = [];
  for (const value of framed.text as readonly unknown[]) {
    if (!isNodeText(value)) return null;
    const content = framed.take(value.sizeBytes ?? 0);
    if (content === null) return null;
    nodes.push(nodeOf(value, content));
  }
  return framed.atEnd && isTree(nodes) ? nodes : null;
}

function textOf(node: MemoryNode): NodeText {
  const { inode, kind, links } = node;
  const times = [node.accessedNs, node.modifiedNs, node.changedNs].map(String);
  const common = { inode, kind, links, times: times as unknown as NodeText['times'] };
  if (node.kind === 'directory') return { ...common, entries: [...node.entries] };
  return node.kind === 'regular' ? { ...common, sizeBytes: node.sizeBytes } : { ...common, text: node.text };
}

function nodeOf(value: NodeText, content: Uint8Array): MemoryNode {
  const { inode, kind, links, times } = value;
  const [accessedNs, modifiedNs, changedNs] = [BigInt(times[0]), BigInt(times[1]), BigInt(times[2])];
  const common = { inode, links, accessedNs, modifiedNs, changedNs };
  if (kind === 'directory') return { kind, ...common, entries: new Map(value.entries) };
  if (kind === 'symlink') return { kind, ...common, text: value.text ?? '' };
  return { kind, ...common, content, sizeBytes: content.byteLength };
}

function isNodeText(value: unknown): value is NodeText {
  if (typeof value !== 'object' || value === null) return false;
  const { inode, kind, links, times, entries, sizeBytes, text } = value as Partial<
    Record<keyof NodeText, unknown>
  >;
  const isCount = (each: unknown): boolean => Number.isSafeInteger(each) && (each as number) >= 0;
  const isTime = (each: unknown): boolean => typeof each === 'string' && /^\d{1,20}$/.test(each);
  const isEntry = (each: unknown): boolean =>
    Array.isArray(each) && each.length === 2 && typeof each[0] === 'string' && isCount(each[1]);
  if (!isCount(inode) || !isCount(links)) return false;
  if (!Array.isArray(times) || times.length !== 3 || !times.every(isTime)) return false;
  if (kind === 'directory')
    return Array.isArray(entries) && entries.every(isEntry) && sizeBytes === undefined;
  if (kind === 'regular') return isCount(sizeBytes);
  return kind === 'symlink' && typeof text === 'string' && sizeBytes === undefined;
}

/** Every entry leads to a node, every node but the root and what is only open has as many names as it says, and no inode is there twice. */
function isTree(nodes: readonly MemoryNode[]): boolean {
  const names = new Map<number, number>(nodes.map(({ inode }) => [inode, 0]));
  if (names.size !== nodes.length || nodes[0]?.kind !== 'directory') return false;
  for (const node of nodes) {
    if (node.kind !== 'directory') continue;
    for (const inode of node.entries.values()) {
      const count = names.get(inode);
      if (count === undefined) return false;
      names.set(inode, count + 1);
    }
  }
  return nodes.every(({ inode, links }, index) => (index === 0 ? links === 1 : names.get(inode) === links));
}
