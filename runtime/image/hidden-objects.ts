// Tells of a module whether an instance of it would hold what no image can keep from the moment it is ready. What only code puts somewhere is met
// when an image is made, and refused there; this must refuse nothing that an image could keep.
import type { ConstExpression, ModuleStructure } from './module-structure.ts';

//  an object on the engine's heap that is there at first     may be kept when
//  in a global that is not mutable                           it cannot change: then every instance makes its equal
//  in a mutable global, a table or an element segment        never: an image would have to say which one it is

/** Why an instance could not be captured whole; null when it can. */
export function reasonAgainstImages({ globals, tables, elements }: ModuleStructure): string | null {
  /** Globals that are an object at first. They come in order: a global reads only those before it. */
  const objects = new Set<number>();
  const isObject = ({ makes, globals: read }: Pick<ConstExpression, 'makes' | 'globals'>): boolean =>
    makes !== 'nothing' || read.some((index) => objects.has(index));
  for (const [index, { initializer, mutable }] of globals.entries()) {
    if (initializer === null || !isObject(initializer)) continue;
    if (mutable || initializer.makes === 'objects') return `a garbage-collected object in global ${index}`;
    objects.add(index);
  }
  const table = tables.findIndex(({ initializer }) => initializer !== null && isObject(initializer));
  if (table !== -1) return `a garbage-collected object in table ${table}`;
  const element = elements.findIndex(({ globals: read, makesObjects }) =>
    isObject({ makes: makesObjects ? 'objects' : 'nothing', globals: read }),
  );
  return element === -1 ? null : `a garbage-collected object in element segment ${element}`;
}
