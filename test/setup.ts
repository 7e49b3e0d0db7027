/** What holds for every test file. It is set up first, so that it is undone last. */
import { afterAll } from 'vitest';
import { removeTemporaryFolders } from './temporary.ts';

afterAll(removeTemporaryFolders);
