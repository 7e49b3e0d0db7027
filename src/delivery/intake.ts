/**
 * Where events enter: each is encoded, put into a lane and numbered; what memory cannot hold is dropped by the queue's rule.
 *
 * Every event published to the sink gets a number, also one that is dropped at once, so that the far end learns of it. Limits count what
 * is in memory alone; what is on disk has the spool's.
 */
import { crc32 } from 'node:zlib';
import type { Clock } from '../clock.ts';
import { JsonEncoder } from '../codec/json.ts';
import { MsgpackEncoder } from '../codec/msgpack.ts';
import type { Cell, TideEvent } from '../event.ts';
import { Slabs } from '../free.ts';
import type { Ledger } from '../ledger.ts';
import type { QueueOptions } from '../queue.ts';
import { type ContentType, Entry } from './entry.ts';
import { Lane } from './lane.ts';
import { Memory } from './memory.ts';
import type { DeliveryOptions } from './options.ts';

export interface IntakeOptions {
  readonly queue: QueueOptions;
  readonly delivery: Pick<DeliveryOptions, 'format' | 'lanes' | 'lane_by'>;
}

export class Intake {
  readonly lanes = new Map<number, Lane>();
  readonly memory: Memory;
  readonly #run: string;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  #options: IntakeOptions;
  #keyOf: (event: TideEvent) => string | undefined;
  #blocked = false;
  #turn = 0;
  readonly #json = new JsonEncoder();
  readonly #msgpack = new MsgpackEncoder();
  readonly #slabs = new Slabs();

  constructor(run: string, options: IntakeOptions, ledger: Ledger, clock: Clock) {
    this.#run = run;
    this.#options = options;
    this.#ledger = ledger;
    this.#clock = clock;
    this.memory = new Memory(clock);
    this.#keyOf = keyOf(options.delivery.lane_by);
  }

  configure(options: IntakeOptions): void {
    this.#options = options;
    this.#keyOf = keyOf(options.delivery.lane_by);
  }

  /** The lane of that number, made when it is not there. */
  lane(number: number): Lane {
    const known = this.lanes.get(number);
    if (known) return known;
    const lane = new Lane(number, this.#ledger, this.memory);
    this.lanes.set(number, lane);
    return lane;
  }

  /** Takes an event; returns its lane. */
  accept(event: TideEvent): Lane {
    this.#ledger.publish();
    const lane = this.lane(this.#laneOf(event));
    const { source, time, type, id, traceparent } = event;
    const { contentType, body } = this.encode(event);
    const { agent, host, sensor } = source;
    const place = { lane: lane.number, run: this.#run, n: ++lane.n };
    const fields = { id, type, time, agent, host, sensor, contentType, body, traceparent, ...place };
    this.#admit(lane, new Entry(fields, this.#clock.monotonic()));
    return lane;
  }

  /** The event as its message's body. */
  encode(event: TideEvent): { contentType: ContentType; body: Buffer } {
    const isJson = this.#options.delivery.format === 'json';
    const bytes = isJson ? this.#json.encodeBytes(event) : this.#msgpack.encode(event);
    const body = this.#slabs.allocate(bytes.length);
    body.set(bytes);
    return { contentType: isJson ? 'application/json' : 'application/msgpack', body };
  }

  /** Takes up a dead letter again, with a number of its own, in one of the lanes that there are now. */
  resubmit(entry: Entry): void {
    this.#ledger.move('dead_lettered', 'queued', 1);
    const lane = this.lane(entry.lane % this.#options.delivery.lanes);
    this.#admit(lane, entry.again({ lane: lane.number, run: this.#run, n: ++lane.n }, this.#clock.monotonic()));
  }

  #laneOf(event: TideEvent): number {
    const { lanes } = this.#options.delivery;
    if (lanes === 1) return 0;
    const key = this.#keyOf(event);
    return key === undefined ? this.#turn++ % lanes : crc32(key) % lanes;
  }

  #admit(lane: Lane, entry: Entry): void {
    const { max_events, max_bytes, when_full } = this.#options.queue;
    const { memory } = this;
    if (this.#blocked && memory.events <= max_events / 2 && memory.bytes <= max_bytes / 2) this.#blocked = false;
    const full = memory.events + 1 > max_events || memory.bytes + entry.bytes > max_bytes;
    if (when_full === 'block' && full) this.#blocked = true;
    if (entry.bytes > max_bytes || this.#blocked || (full && when_full === 'drop_newest')) {
      this.#ledger.drop('queued', 'queue_full', 1);
      lane.losses.add(entry.run, 'queue_full', entry.n);
      entry.free();
      return;
    }
    lane.push(entry);
    while (memory.events > max_events || memory.bytes > max_bytes) if (!this.#dropOldest()) return;
  }

  #dropOldest(): boolean {
    const lanes = [...this.lanes.values()].filter(({ oldestFresh }) => oldestFresh !== undefined);
    const age = ({ oldestFresh }: Lane): number => (oldestFresh as Entry).accepted;
    return lanes.toSorted((a, b) => age(a) - age(b)).some((lane) => lane.dropOldestFresh('queue_full'));
  }
}

/** What keeps events in one lane; undefined where nothing does. */
function keyOf(laneBy: string): (event: TideEvent) => string | undefined {
  const [what, name = ''] = splitOnce(laneBy);
  switch (what) {
    case 'sequence':
      return () => undefined;
    case 'host':
      return (event) => event.source.host;
    case 'type':
      return (event) => event.type;
    case 'label':
      return (event) => event.source.labels[name] ?? '';
    case 'attribute':
      return (event) => attributeOf(event, name);
    default:
      return (event) => event.source.sensor;
  }
}

function splitOnce(text: string): [string, string?] {
  const at = text.indexOf(':');
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The cell of the first row, which stands for the event. */
function attributeOf({ table: { schema, layout } }: TideEvent, name: string): string {
  const column = schema.attributes.indexOf(name);
  const cell: Cell | undefined = column === -1 ? undefined : layout.attributes[column]?.[0];
  return typeof cell === 'string' ? cell : JSON.stringify(cell ?? '');
}
