// A function that only an embedder can provide: faulty-host calls it. The compiler takes the import module from the name of
// this file, which must hold nothing else.

/** Whatever the embedder makes of it; meant to throw. */
export declare function fail(): void;
