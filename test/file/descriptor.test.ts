import { constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Descriptor, identityAt } from '../../src/file/descriptor.ts';
import { temporaryFolder } from '../temporary.ts';

const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;

async function opened() {
  const path = join(temporaryFolder(), 'file');
  return { path, file: await Descriptor.open(path, FLAGS, 0o640) };
}

describe('file: a descriptor', () => {
  it('appends, reads, truncates and tells its identity', async () => {
    const { path, file } = await opened();
    expect(await file.write(Buffer.from('xabcx'), 1, 3)).toEqual({ bytesWritten: 3 });
    const buffer = Buffer.alloc(3);
    expect(await file.read(buffer, 1, 2, 1)).toEqual({ bytesRead: 2 });
    expect(buffer.toString()).toBe('\0bc');
    await file.truncate(1);
    await Promise.all([file.datasync(), file.sync(), file.chmod(0o600)]);
    expect(readFileSync(path, 'utf8')).toBe('a');
    const { dev, ino, size } = await file.stat();
    expect(await identityAt(path)).toMatchObject({ dev, ino, size: 1n, mode: 0o100600n });
    expect(size).toBe(1n);
    await file.close();
  });

  it('is closed after the calls in progress, once, and takes none afterwards', async () => {
    const { path, file } = await opened();
    const ended: string[] = [];
    const write = file.write(Buffer.alloc(2 ** 22, 'x'), 0, 2 ** 22).then(() => ended.push('write'));
    const closes = [file.close(), file.close()].map((close) => close.then(() => ended.push('close')));
    await expect(file.datasync()).rejects.toThrow('the file is closed');
    await Promise.all([write, ...closes]);
    expect(ended).toEqual(['write', 'close', 'close']);
    expect(readFileSync(path).length).toBe(2 ** 22);
  });

  it("gives the system's errors", async () => {
    const { path, file } = await opened();
    await expect(Descriptor.open(join(path, 'below'), FLAGS, 0o640)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(identityAt(`${path}.gone`)).rejects.toMatchObject({ code: 'ENOENT' });
    writeFileSync(`${path}.read`, 'only');
    const readable = await Descriptor.open(`${path}.read`, constants.O_RDONLY, 0);
    await expect(readable.write(Buffer.from('x'), 0, 1)).rejects.toMatchObject({ code: 'EBADF' });
    await Promise.all([file.close(), readable.close()]);
  });
});
