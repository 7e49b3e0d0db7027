/** That nothing outlives who started it: no process, no folder, however it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it, test } from 'vitest';
import { REPOSITORY } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { describeOwn } from './index.ts';

const owners: ChildProcess[] = [];
afterEach(() => {
  for (const owner of owners.splice(0)) owner.kill('SIGKILL');
});

/** A process that runs `body`, which prints one line as JSON, and then stays. */
async function ownerOf<T>(body: string): Promise<{ owner: ChildProcess; said: T }> {
  const imports = ['owned', 'kafka', 'rabbitmq'].map((name) => `import * as ${name} from './test/brokers/${name}.ts';`);
  const program = `${imports.join('\n')}\n${body}\nsetInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  owners.push(owner);
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
  return { owner, said: JSON.parse(line) as T };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
  'processes, even frozen ones, and folders end with an owner that %s ends',
  async (signal) => {
    const { owner, said } = await ownerOf<{ pids: [number, number]; path: string }>(`
    const { path } = owned.ownedFolder('test');
    const start = () => new owned.OwnedProcess('sleep', ['1000'], { log: path + '/log', cwd: path });
    const both = [start(), start()];
    both[1].signal('SIGSTOP');
    console.log(JSON.stringify({ path, pids: both.map(({ pid }) => pid) }));
  `);
    expect([...said.pids.map(isRunning), existsSync(said.path)]).toEqual([true, true, true]);
    owner.kill(signal);
    await expect
      .poll(() => [...said.pids.map(isRunning), existsSync(said.path)], { timeout: 20_000 })
      .toEqual([false, false, false]);
  },
);

test('an owner that has nothing more to do ends, and what it owns ends with it', async () => {
  const folder = temporaryFolder();
  const program = `
    import { OwnedProcess } from './test/brokers/owned.ts';
    console.log(new OwnedProcess('sleep', ['1000'], { log: '${join(folder, 'log')}', cwd: '${folder}' }).pid);
  `;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  owners.push(owner);
  const [[line]] = (await Promise.all([once(createInterface(owner.stdout), 'line'), once(owner, 'exit')])) as [[string], unknown];
  await expect.poll(() => isRunning(Number(line)), { timeout: 20_000 }).toBe(false);
});

/** Processes whose command line names a folder. */
function usersOf(folder: string): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Boolean);
  return pids.filter((pid) => {
    try {
      return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(folder));
    } catch {
      return false;
    }
  });
}

const START = {
  Kafka: 'await kafka.KafkaCluster.start()',
  RabbitMQ: 'await rabbitmq.Rabbitmq.start()',
} as const;

for (const kind of ['Kafka', 'RabbitMQ'] as const) {
  describeOwn(kind, `a killed owner of ${kind}`, () => {
    it.skipIf(process.platform !== 'linux')('leaves no process of it behind (needs /proc)', async () => {
      const tmp = temporaryFolder();
      const { owner } = await ownerOf(`process.env.TMPDIR = '${tmp}'; ${START[kind]}; console.log('true');`);
      expect(usersOf(tmp).length).toBeGreaterThan(0);
      owner.kill('SIGKILL');
      await expect.poll(() => [usersOf(tmp), readdirSync(tmp)], { timeout: 20_000 }).toEqual([[], []]);
    });
  });
}
