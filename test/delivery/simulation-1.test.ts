/** Half of the seeds of a run: files run side by side. The other half is in `simulation-2.test.ts`. */
import { declareSeeds, FIRST } from './simulation/suite.ts';

declareSeeds(FIRST, 1000);
