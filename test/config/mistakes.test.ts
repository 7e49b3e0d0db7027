import { describe, expect, test } from 'vitest';
import { around, failure, mistakes } from './support.ts';

test('every mistake is told in one run, with its place, its line, what to do and the nearest right name', async () => {
  const { error, report } = await failure(`# A comment.
intervall: 10s
log: { level: inf }
sensors:
  cpu: { per_cpus: true }
  dsk: {}
  disk:
    exclude: '('
    least: 10 MBB
  node: { type: scrap }
sinks:
  archive:
    type: broker
    acks: al
    queue: { max_events: 0 }
`);
  expect(error.exitCode).toBe(78);
  expect(error.name).toBe('UsageError');
  expect(report).toBe(`tidegate.yaml:2:1: there is no option "intervall"
  2 | intervall: 10s
    | ^^^^^^^^^
    = did you mean "interval"?

tidegate.yaml:3:15: log.level: "inf" is not one of trace, debug, info, warn, error, fatal, silent
  3 | log: { level: inf }
    |               ^^^
    = did you mean "info"?

tidegate.yaml:5:10: sensors.cpu: there is no option "per_cpus"
  5 |   cpu: { per_cpus: true }
    |          ^^^^^^^^
    = did you mean "per_cpu"?

tidegate.yaml:6:3: sensors.dsk: there is no sensor "dsk"
  6 |   dsk: {}
    |   ^^^
    = did you mean "disk"?

tidegate.yaml:8:14: sensors.disk.exclude: "(" is not a regular expression: /(/u: Unterminated group
  8 |     exclude: '('
    |              ^^^

tidegate.yaml:9:12: sensors.disk.least: "10 MBB" is not a size
  9 |     least: 10 MBB
    |            ^^^^^^
    = write it as 512KiB, 64MiB or 2GiB

tidegate.yaml:10:17: sensors.node: there is no sensor "scrap"
  10 |   node: { type: scrap }
     |                 ^^^^^
     = did you mean "scrape"?

tidegate.yaml:12:3: sinks.archive: the option "servers" is missing
  12 |   archive:
     |   ^^^^^^^
     = add it, for example servers: ["127.0.0.1:9092"] (Addresses)

tidegate.yaml:14:11: sinks.archive.acks: "al" is not one of all, one
  14 |     acks: al
     |           ^^
     = did you mean "all"?

tidegate.yaml:15:26: sinks.archive.queue.max_events: expected at least 1
  15 |     queue: { max_events: 0 }
     |                          ^

10 mistakes in the configuration`);
});

/** The one mistake of a configuration, and its hint. */
async function only(text: string, env: NodeJS.ProcessEnv = {}): Promise<[string, string | undefined]> {
  const { error } = await failure(text, env);
  expect(error.mistakes.map((mistake) => mistake.what)).toHaveLength(1);
  const [mistake] = error.mistakes;
  return [`${mistake?.line}:${mistake?.column} ${mistake?.what}`, mistake?.hint];
}

describe('names', () => {
  test.each([
    ['maxEvents', 'did you mean "max_events"?'],
    ['max-events', 'did you mean "max_events"?'],
    ['frobnicate', 'the options here are: max_events, max_bytes, max_age, when_full'],
  ])('an unknown option %s', async (name, hint) => {
    expect(await only(around(undefined, `  file: { path: x, queue: { ${name}: 1 } }`))).toEqual([
      `4:29 sinks.file.queue: there is no option "${name}"`,
      hint,
    ]);
  });

  test('a common option is right beside those of the component', async () => {
    expect(await only(around('  cpu: { intervl: 1s }'))).toEqual([
      '2:10 sensors.cpu: there is no option "intervl"',
      'did you mean "interval"?',
    ]);
    expect(await only(around(undefined, undefined, 'sensor: {}'))).toEqual([
      '1:1 there is no option "sensor"',
      'did you mean "sensors"?',
    ]);
  });

  test('an unknown type', async () => {
    expect(await only(around('  mine: {}'))).toEqual([
      '2:3 sensors.mine: there is no sensor "mine"',
      'say which it is with "type: …"; there is: cpu, disk, scrape',
    ]);
    expect(await only(around('  mine: { type: gpu7 }'))).toEqual([
      '2:17 sensors.mine: there is no sensor "gpu7"',
      'there is: cpu, disk, scrape',
    ]);
    expect(await only(around(undefined, '  file: { type: 5, path: x }'))).toEqual([
      '4:17 sinks.file.type: expected a text, and this is 5',
      'put it in quotes',
    ]);
  });

  test.each(['Upper', 'with space', '..', '-x', 'a/b', 'ü', 'x'.repeat(65), '""'])('%j cannot be a name', async (name) => {
    const text = around(`  ${name}: { type: cpu }`);
    expect((await only(text))[0]).toBe(`2:3 "${name.replaceAll('"', '')}" cannot be the name of a sensor`);
  });

  test('a name of all that is allowed', async () => {
    expect(await mistakes(around(`  ${'x'.repeat(64)}: { type: cpu }\n  a-b.c_9: { type: cpu, no: 1 }`))).toHaveLength(1);
  });

  test.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])('the option %s is as unknown as any', async (name) => {
    expect((await only(around(`  cpu: { ${name}: 1 }`)))[0]).toContain(`there is no option "${name}"`);
    expect((await mistakes(around(undefined, undefined, `${name}: 1`))).join()).toContain(`there is no option "${name}"`);
  });
});

describe('values', () => {
  const sink = (option: string) => around(undefined, `  broker: { servers: [a], ${option} }`);
  const sensor = (option: string) => around(`  scrape: { targets: ["http://a"], ${option} }`);

  test.each([
    [sensor('port: "80"'), '2:42 sensors.scrape.port: expected a number, and this is the text "80"', 'remove the quotes'],
    [sensor('port: x'), '2:42 sensors.scrape.port: expected a number, and this is the text "x"', undefined],
    [sensor('port: 1.5'), '2:42 sensors.scrape.port: expected a whole number, and this is 1.5', undefined],
    [sensor('port: 70000'), '2:42 sensors.scrape.port: expected at most 65535', undefined],
    [sensor('port: .nan'), '2:42 sensors.scrape.port: expected a number, and this is NaN', undefined],
    [sensor('verify: yes'), '2:44 sensors.scrape.verify: expected true or false, and this is the text "yes"', 'write true'],
    [sensor('verify: off'), '2:44 sensors.scrape.verify: expected true or false, and this is the text "off"', 'write false'],
    [sensor('port:'), '2:36 sensors.scrape.port has no value', 'give it one, or remove it'],
    [around('  scrape: { targets: [] }'), '2:13 sensors.scrape.targets: expected at least 1 item', undefined],
    [around('  scrape: { targets: [7] }'), '2:23 sensors.scrape.targets[0]: expected a text, and this is 7', 'put it in quotes'],
    [around('  scrape: { targets: [nothing] }'), '2:23 sensors.scrape.targets[0]: "nothing" is not a URL', undefined],
    [
      around('  scrape: { targets: "http://a" }'),
      '2:22 sensors.scrape.targets: expected a list, and this is the text "http://a"',
      'write it as ["http://a"]',
    ],
    [sink('tls: { ca: x, insecur: true }'), '4:41 sinks.broker.tls: there is no option "insecur"', 'did you mean "insecure"?'],
    [sink('tls: 5'), '4:32 sinks.broker.tls: expected true or false or options (a mapping)', undefined],
    [sink('queue: 5'), '4:34 sinks.broker.queue: expected options (a mapping), and this is 5', undefined],
    [
      sink('timeout: 1ms'),
      '4:36 sinks.broker.timeout: "1ms" is less than the minimum of 10ms',
      'write it as 500ms, 10s, 1m30s, 24h or 7d',
    ],
    [sink('timeout: [1]'), '4:27 sinks.broker.timeout: expected a duration', 'write it as 500ms, 10s, 1m30s, 24h or 7d'],
    [sink('select: [""]'), '4:36 sinks.broker.select[0]: a pattern must not be empty', undefined],
    [around(undefined, '  file: { path: "" }'), '4:17 sinks.file.path: the text is empty', undefined],
    [
      around(undefined, undefined, 'labels: { rack: 12 }'),
      '1:17 labels.rack: expected a text, and this is 12',
      'put it in quotes',
    ],
    [
      around(undefined, undefined, `labels: { ${'x'.repeat(129)}: a }`),
      '1:11 labels.' + 'x'.repeat(129) + ': expected at most 128 characters',
      undefined,
    ],
    [around(undefined, undefined, 'agent: a/b'), '1:8 agent: expected letters, digits, "_", "." and "-" only', undefined],
  ])('%s', async (text, what, hint) => {
    expect(await only(text)).toEqual([what, hint]);
  });

  test('the alternative of a union that was meant', async () => {
    const auth = (members: string) => sensor(`auth: { ${members} }`);
    expect(await only(auth('kind: basik'))).toEqual([
      '2:50 sensors.scrape.auth.kind: "basik" is not one of basic, bearer',
      'did you mean "basic"?',
    ]);
    expect(await only(auth('token: abcdef'))).toEqual([
      '2:36 sensors.scrape.auth: the option "kind" is missing',
      'add it, for example kind: "basic"',
    ]);
    expect(await mistakes(auth('kind: basic, user: u, passwrd: x'))).toEqual([
      '2:36 sensors.scrape.auth: the option "password" is missing',
      '2:66 sensors.scrape.auth: there is no option "passwrd"',
    ]);
  });
});

describe('the shape of the file', () => {
  test.each([
    ['', 'undefined:undefined the file is empty', 'tidegate init writes a configuration to begin with'],
    ['# nothing yet\n', 'undefined:undefined the file is empty', 'tidegate init writes a configuration to begin with'],
    ['- cpu\n', '1:1 the file must begin with options, such as "sensors:"', undefined],
    ['sensors:{}', '1:1 the file must begin with options, such as "sensors:"', 'write a blank after the ":"'],
    [
      around('  - cpu'),
      '1:1 sensors: expected names with their options, and this is no mapping',
      'write "cpu: {}" below it, without a dash',
    ],
    [around('  cpu: 5'), '2:8 sensors.cpu: expected options (a mapping)', 'write "cpu: {}", or its options below it'],
    [
      'sinks:\n  file: { path: x }\n',
      '1:1 there are no sensors: nothing would be sampled',
      'add one, for example "sensors: { cpu: {} }"',
    ],
    [
      'sensors:\nsinks:\n  file: { path: x }\n',
      '1:1 there are no sensors: nothing would be sampled',
      'add one, for example "sensors: { cpu: {} }"',
    ],
    [
      '# x\nsensors: { cpu: }\nsinks: {}\n',
      '3:1 there are no sinks: nothing would be delivered',
      'add one, for example "sinks: { events: { type: file, path: events.ndjson } }"',
    ],
  ])('%j', async (text, what, hint) => {
    expect(await only(text)).toEqual([what, hint]);
  });
});

describe('the excerpt', () => {
  const excerpt = async (text: string) => (await failure(text)).error.mistakes[0]?.excerpt;

  test('of a long line is the part that is meant', async () => {
    const line = `labels: { ${Array.from({ length: 60 }, (_, i) => `label_${i}: "x"`).join(', ')}, rack: 12, end: "x" }`;
    const { text, caret } = (await excerpt(around(undefined, undefined, line))) ?? expect.fail();
    expect(text.length).toBeLessThan(115);
    expect(text.slice(caret.indexOf('^'), caret.length)).toBe('12');
    expect(text.startsWith('…')).toBe(true);
  });

  test('carets stand below what is meant after wide characters and tabs', async () => {
    const wide = await excerpt(around(undefined, undefined, 'labels: { a: "日本", rack: 12 }'));
    expect(wide?.caret).toBe(`${' '.repeat(27)}^^`);
    const tab = await excerpt(around(undefined, undefined, 'labels: { a: "x",\track: 12 }'));
    expect(tab?.caret).toBe(`${' '.repeat(17)}\t${' '.repeat(6)}^^`);
  });

  test('holds no character that steers a terminal', async () => {
    const { report } = await failure(around('  cpu: { "\u001b[31m\u202e": 1 }\r'));
    for (const char of ['\u001b', '\u202e', '\r']) expect(report).not.toContain(char);
    expect(report).toContain('there is no option "\ufffd[31m\ufffd"');
  });
});

test('a line that nobody wrote has no excerpt', async () => {
  const line = `labels: { ${Array.from({ length: 400 }, (_, i) => `label_${i}: "x"`).join(', ')}, rack: 12 }`;
  const { error } = await failure(around(undefined, undefined, line));
  expect(error.mistakes[0]).toMatchObject({ line: 1, excerpt: undefined });
});

test('more mistakes than anyone reads are counted', async () => {
  const options = Array.from({ length: 130 }, (_, i) => `    option_${i}: 1`).join('\n');
  const { error, report } = await failure(around(`  cpu:\n${options}`));
  expect(error.mistakes).toHaveLength(130);
  expect(report).toContain('… and 30 more\n\n130 mistakes in the configuration');
});
