// The import module of the guest that calls its host: the least a host function can do. It must stay that, or the call would not be seen.

/** Adds, as an i32. */
export function work(a: number, b: number): number {
  return (a + b) | 0;
}

export default (): { readonly host: { readonly work: typeof work } } => ({ host: { work } });
