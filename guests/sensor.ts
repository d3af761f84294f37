// Functions of the embedder, import module `sensor`: thermostat calls them. The compiler takes the import module from the name of
// this file, which must hold nothing else.

/** Degrees Celsius. */
export declare function temperature(): f64;
