/** The service in its container: from `docker run` and from the process' own start to the first event, and from SIGTERM to its end beside a broker that is away. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage, IMAGE } from '../test/container/build.ts';
import { Engine } from '../test/container/engine.ts';
import { type Figure, median } from './measure.ts';

const RUNS = 5;
/** Nobody listens on port 1. */
const YAML = `
interval: 1s
sensors: { load: {}, memory: {}, cpu: {}, disk: {}, network: {} }
sinks:
  archive: { type: file, path: /state/events.ndjson }
  broker: { type: kafka, brokers: ["127.0.0.1:1"], topic: telemetry }
`;
/** Prints when the first event is in the file, in milliseconds since 1970, by looking every 5 ms. */
const FIRST = 'until [ -s /state/events.ndjson ]; do sleep 0.005; done; date +%s%3N';

interface Times {
  readonly image: number;
  readonly process: number;
  readonly stop: number;
}

async function once(engine: Engine, config: string): Promise<Times> {
  const name = `bench-${randomUUID()}`;
  const flags = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL', '--network=host', '-v', `${config}:/etc/tidegate.yaml:ro`];
  const asked = Date.now();
  await engine.docker(['run', '-d', '--name', name, ...flags, IMAGE, 'run', '-c', '/etc/tidegate.yaml']);
  const first = Number(await engine.docker(['exec', name, 'sh', '-c', FIRST]));
  const began = Date.parse(await engine.inspect<string>(name, '.State.StartedAt'));
  // Long enough for the broker to have refused, and for something to be spooled.
  await new Promise((done) => setTimeout(done, 3000));
  const stopping = Date.now();
  await engine.docker(['stop', name]);
  const ended = Date.parse(await engine.inspect<string>(name, '.State.FinishedAt'));
  await engine.docker(['rm', name]);
  return { image: first - asked, process: first - began, stop: ended - stopping };
}

export async function container(): Promise<Figure[]> {
  const engine = await Engine.open();
  try {
    await buildImage(engine);
    const folder = join(engine.folder, 'bench');
    mkdirSync(folder);
    const config = join(folder, 'tidegate.yaml');
    writeFileSync(config, YAML);
    const times: Times[] = [];
    for (let i = 0; i < RUNS; i++) times.push(await once(engine, config));
    const of = (key: keyof Times): number => median(times.map((one) => one[key]));
    return [
      { what: `docker run to the first event, median of ${RUNS}`, value: of('image'), unit: 'ms' },
      { what: 'start of its process to the first event', value: of('process'), unit: 'ms', atMost: 1000 },
      { what: 'docker stop to its end, a broker away', value: of('stop'), unit: 'ms', atMost: 2000 },
      { what: 'image on its base', value: (await engine.inspect<number>(IMAGE, '.Size')) / 1e6, unit: 'MB', atMost: 250 },
    ];
  } finally {
    await engine.close();
  }
}
