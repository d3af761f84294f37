// A process that runs cases of one fuzz target as it is told. It leaves its directory to whoever started it.
// It must run a case the same way whichever came before.
import { serveCases } from '#test/support/case-service.js';
import { isTargetName, runCase, TARGETS } from './targets.js';

const [name, place = '.'] = process.argv.slice(2);
if (!isTargetName(name)) throw new RangeError(`there is no target ${name}`);
const target = await TARGETS[name].make(place);

serveCases((seed, number) => runCase(name, target, { seed, number }));
