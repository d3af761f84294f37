// The program that is killed: it opens a bank and works on its volume, and says when each step is done before it begins the next. What it
// does depends on the seed alone, so that whoever kills it can do the same.
import { writeSync } from 'node:fs';
import { Random } from '../enumeration/random.js';
import { VolumeSite } from './site.js';
import { chooseStep, VolumeSession } from './steps.js';

const [, , path = '', backend = '', seedText = ''] = process.argv;
const STDOUT = 1;

const random = new Random(Number(seedText));
const site = new VolumeSite({ path, backend: backend === 'mapped' ? 'mapped' : 'copied', sync: 'none' });
const session = new VolumeSession(site.mount(1));
writeSync(STDOUT, '\n');
// Killed at some point; a bound all the same.
for (let step = 0; step < 1_000_000; step += 1) {
  session.take(chooseStep(random, step));
  writeSync(STDOUT, '\n');
}
