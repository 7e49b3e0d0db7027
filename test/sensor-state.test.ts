/** What a sensor keeps from one run to the next: on real files, with what can go wrong with them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sensorState, sensorStateToRead } from '../src/sensor-state.ts';
import { temporaryFolder } from './temporary.ts';

function setup(folder = temporaryFolder()) {
  const said: string[] = [];
  return { folder, said, state: sensorState(folder, 'reach', (message) => said.push(message)) };
}

describe('the state of a sensor', () => {
  test('is nothing at first, and then what was saved last, for the next run too', async () => {
    const { folder, said, state } = setup();
    expect(state.load()).toBeUndefined();
    await state.save({ since: 12.5 });
    expect(state.load()).toEqual({ since: 12.5 });
    expect(setup(folder).state.load()).toEqual({ since: 12.5 });
    expect(readdirSync(join(folder, 'sensors'))).toEqual(['reach.json']);
    expect(said).toEqual([]);
  });

  test('is the last of many that are saved at once', async () => {
    const { state } = setup();
    const saves = Array.from({ length: 50 }, (_, i) => state.save(i));
    await Promise.all(saves);
    expect(state.load()).toBe(49);
  });

  test('that is torn is said and forgotten, and replaced whole', async () => {
    const { folder, said, state } = setup();
    mkdirSync(join(folder, 'sensors'));
    writeFileSync(join(folder, 'sensors/reach.json'), '{"since":1');
    expect(state.load()).toBeUndefined();
    expect(said.join()).toContain('cannot be read and is forgotten');
    await state.save('new');
    expect(state.load()).toBe('new');
  });

  test('that cannot be written is said once, and again only after it could be', async () => {
    const { folder, said, state } = setup();
    writeFileSync(join(folder, 'sensors'), 'no folder');
    await state.save(1);
    await state.save(2);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('its state cannot be kept');
  });

  test('is only read where a service may be running on it', async () => {
    const { folder, state } = setup();
    await state.save('kept');
    const reader = sensorStateToRead(folder, 'reach', () => {});
    await reader.save('other');
    expect(reader.load()).toBe('kept');
    expect(readFileSync(join(folder, 'sensors/reach.json'), 'utf8')).toBe('"kept"\n');
  });

  test('of a reader makes no folder', () => {
    const folder = temporaryFolder();
    expect(sensorStateToRead(folder, 'reach', () => {}).load()).toBeUndefined();
    expect(existsSync(join(folder, 'sensors'))).toBe(false);
  });
});
