import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openLevelStore } from '../../src/delivery/level-store.ts';
import { temporaryFolder } from '../support.ts';
import { storeConformance } from './store-conformance.ts';

const place = temporaryFolder();
let places = 0;
function freshFolder(): string {
  const folder = join(place, `spool-${++places}`);
  mkdirSync(folder);
  return folder;
}

storeConformance('LevelDB', () => {
  const folder = freshFolder();
  return { open: async () => await openLevelStore(folder, { minFree: 0 }) };
});
