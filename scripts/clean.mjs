// Removes from dist/ what was compiled from a source file that is gone, so that no deleted test is run and no deleted module
// found. It looks at the compiler's own kinds of output only, and must never remove anything else.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUTPUT = /\.(?:js|js\.map|d\.ts)$/;

const dist = join(ROOT, 'dist');
const outputs = existsSync(dist) ? readdirSync(dist, { recursive: true, encoding: 'utf8' }) : [];
for (const output of outputs.filter((path) => OUTPUT.test(path))) {
  const source = output.replace(OUTPUT, '.ts');
  if (existsSync(join(ROOT, source))) continue;
  rmSync(join(dist, output));
  console.log(`removed dist/${output}: there is no ${source}`);
}
