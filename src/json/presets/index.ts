/** The mappings that come with tidegate. Another one is a file here and a line below. */
import type { PresetMapping } from '../mapping-options.ts';
import { algod } from './algod.ts';
import { beacon } from './beacon.ts';
import { bitcoin } from './bitcoin.ts';
import { cosmos } from './cosmos.ts';
import { elasticsearch } from './elasticsearch.ts';
import { ethereum } from './ethereum.ts';
import { rabbitmq } from './rabbitmq.ts';

export const PRESETS: readonly PresetMapping[] = [algod, beacon, bitcoin, cosmos, elasticsearch, ethereum, rabbitmq];
export const PRESET_NAMES = PRESETS.map(({ name }) => name);
