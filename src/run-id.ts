/** Names of runs: what tells one run of an agent from every other. They sort by their beginning. */
import { randomBytes } from 'node:crypto';

export const newRun = (): string => `${Date.now().toString(36)}${randomBytes(3).toString('hex')}`;
