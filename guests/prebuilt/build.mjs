// Compiles the guests in Rust and Go with the machine's own toolchains and stores them here, packed, with their digests: run it by hand
// after a change of their sources. Nothing else of the project needs those toolchains, and nothing else may run this.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DIGESTS, DIRECTORY, RECIPES, sha256, sourceDigest } from './recipes.mjs';

const digests = {};
const scratch = mkdtempSync(join(tmpdir(), 'rekindle-prebuilt-'));
try {
  for (const [name, { directory, command, environment, version }] of Object.entries(RECIPES)) {
    const [program, ...args] = command;
    const output = join(scratch, `${name}.wasm`);
    execFileSync(program, [...args, output], {
      cwd: join(DIRECTORY, directory),
      env: { ...process.env, ...environment },
      stdio: 'inherit',
    });
    const module = readFileSync(output);
    writeFileSync(join(DIRECTORY, `${name}.wasm.gz`), gzipSync(module, { level: 9 }));
    const [versionProgram, ...versionArgs] = version;
    const toolchain = execFileSync(versionProgram, versionArgs, { encoding: 'utf8' }).trim();
    digests[name] = { toolchain, sources: await sourceDigest(name), module: sha256(module) };
    console.log(`${name}: ${module.length} bytes by ${toolchain}`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
writeFileSync(DIGESTS, `${JSON.stringify(digests, null, 2)}\n`);
