import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import system from '../../sensors/system.ts';
import type { Host } from '../../src/host.ts';
import { sampleOnce } from '../support.ts';
import { everything, recordOf } from './record-support.ts';

describe('secrets', () => {
  const COMMAND = 'node\0--password=hunter2\0';
  const ask = (host: Host): void => {
    for (const name of ['77/environ', '77/cmdline', '77/task/78/cmdline', '79/cmdline', '80/cmdline', 'cmdline'])
      host.read(host.procPath(name));
  };
  const files = {
    'proc/77/environ': 'TOKEN=hunter2\0',
    'proc/77/cmdline': COMMAND,
    'proc/77/task/78/cmdline': COMMAND,
    'proc/79/cmdline': 'worker: hunter2 (idle)',
    'proc/80/cmdline': '',
    'proc/cmdline': 'root=/dev/sda2 quiet\n',
  };

  it('of processes stay at home', async () => {
    const { replay, folder, skipped } = await recordOf(files, ask);
    expect(everything(folder)).not.toContain('hunter2');
    expect(readFileSync(join(folder, 'proc/77/cmdline'), 'utf8')).toBe('node\0');
    expect(readFileSync(join(folder, 'proc/77/task/78/cmdline'), 'utf8')).toBe('node\0');
    expect(readFileSync(join(folder, 'proc/79/cmdline'), 'utf8')).toBe('worker:\0');
    expect(readFileSync(join(folder, 'proc/80/cmdline'), 'utf8')).toBe('');
    expect(replay.read(replay.procPath('cmdline'))).toBe('root=/dev/sda2 quiet');
    expect(replay.read(replay.procPath('77/environ'))).toBeUndefined();
    expect(skipped.map(({ why }) => why)).toEqual(['it may hold secrets']);
  });

  it('but for arguments, when they are wanted', async () => {
    const { folder } = await recordOf(files, ask, { withArguments: true });
    expect(readFileSync(join(folder, 'proc/77/cmdline'), 'utf8')).toBe(COMMAND);
    expect(existsSync(join(folder, 'proc/77/environ'))).toBe(false);
  });

  it('such as the name of the machine, when another is given', async () => {
    const named = { 'proc/sys/kernel/hostname': 'vault-17\n', 'root/etc/hostname': 'vault-17\n' };
    const askName = (host: Host): void => {
      host.read(host.procPath('sys/kernel/hostname'));
      host.read(host.mountPath('/etc/hostname'));
    };
    const { folder, replay } = await recordOf(named, askName, { name: 'example' }, { name: 'vault-17' });
    expect(everything(folder)).not.toContain('vault');
    expect(replay.name).toBe('example');
    expect(replay.read(replay.procPath('sys/kernel/hostname'))).toBe('example');
    const { replay: unchanged } = await recordOf(named, askName, {}, { name: 'vault-17' });
    expect([unchanged.name, unchanged.read(unchanged.mountPath('/etc/hostname'))]).toEqual(['vault-17', 'vault-17']);
  });

  it.each([384, 400])('such as who is logged in, with records of %d bytes', async (bytes) => {
    const entry = (type: number, user: string): Buffer => {
      const buffer = Buffer.alloc(bytes);
      buffer.writeInt16LE(type, 0);
      buffer.write(user, 44);
      buffer.write('home.example.org', 76);
      buffer.write('@'.repeat(16), bytes === 384 ? 348 : 360);
      return buffer;
    };
    const utmp = Buffer.concat([entry(7, 'alice'), entry(7, 'bob'), entry(7, ''), entry(8, 'carol')]);
    const { folder, replay } = await recordOf({ 'root/run/utmp': utmp }, async (host) => await sampleOnce(system, host));
    expect(everything(folder)).not.toMatch(/alice|bob|carol|example|@/);
    expect((await sampleOnce(system, replay))[0]?.rows[0]?.['users']).toBe(2);
  });

  it('such as the sessions of logind, or a file that is no utmp at all', async () => {
    const sessions = {
      'root/run/systemd/sessions/1': 'UID=1000\nUSER=alice\nCLASS=user\nREMOTE_HOST=home.example.org\nSTATE=active\n',
    };
    const { folder, replay } = await recordOf(sessions, async (host) => await sampleOnce(system, host));
    expect(everything(folder)).not.toMatch(/alice|example|1000/);
    expect((await sampleOnce(system, replay))[0]?.rows[0]?.['users']).toBe(1);
    const other = await recordOf({ 'root/run/utmp': 'alice was here' }, (host) => host.read(host.mountPath('/run/utmp')));
    expect(everything(other.folder)).not.toContain('alice');
  });
});
