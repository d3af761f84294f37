// Functions of the embedder, import module `journal`: thermostat calls them. The compiler takes the import module from the name of
// this file, which must hold nothing else.

/** Keeps the `sizeBytes` bytes of UTF-8 at `text`. */
export declare function entry(text: usize, sizeBytes: usize): void;
