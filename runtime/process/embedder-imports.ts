// Loads the embedder's import module: an ES module whose default export makes the functions for one process. It is loaded in the
// guest's own thread, so that its functions cost a plain call and can reach the guest's memory.
import { RekindleError } from '../errors.ts';
import type { EmbedderFactory } from './guest-imports.ts';

const nothing: EmbedderFactory = () => ({});

/** Throws IMPORTS_INVALID when the module cannot be loaded or has no function as its default export. */
export async function loadEmbedderFactory(importsUrl: string | null): Promise<EmbedderFactory> {
  if (importsUrl === null) return nothing;
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(importsUrl)) as { readonly default?: unknown };
  } catch (cause) {
    throw new RekindleError('IMPORTS_INVALID', importsUrl, 'the import module cannot be loaded', { cause });
  }
  const factory = loaded.default;
  if (typeof factory !== 'function') {
    throw new RekindleError(
      'IMPORTS_INVALID',
      importsUrl,
      'the import module has no function as its default export',
    );
  }
  return (guest) => {
    const imports: unknown = factory(guest);
    if (typeof imports !== 'object' || imports === null) {
      throw new RekindleError(
        'IMPORTS_INVALID',
        importsUrl,
        'the default export must return an object of import modules',
      );
    }
    return imports as ReturnType<EmbedderFactory>;
  };
}
