/** Half of the seeds of a run: files run side by side. The other half is in `simulation-2.test.ts`. */
import { SEED } from '../events.ts';
import { declareSeeds } from './simulation/suite.ts';

declareSeeds(SEED, 1000);
