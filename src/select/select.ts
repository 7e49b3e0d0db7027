/** What a sink takes: types by pattern, and of these rows, fields and samples. */
import type { TideEvent } from '../event.ts';
import { matcher } from '../options.ts';
import type { Taking } from './options.ts';
import { Stream } from './stream.ts';

export interface SelectOptions extends Taking {
  /** Whether events of a type are taken. */
  readonly select: (type: string) => boolean;
  readonly by_type?: Readonly<Record<string, Taking>> | undefined;
}

/** Passes on what is selected. Types are matched once each; what is taken whole is passed on as it is. */
export function selector(options: SelectOptions, pass: (event: TideEvent) => void): (event: TideEvent) => void {
  const rules = Object.entries(options.by_type ?? {}).map(([pattern, taking]) => ({ fits: matcher(pattern), taking }));
  const known = new Map<string, Taking | 'nothing' | 'whole'>();
  const streams = new Map<string, Map<string, Stream>>();
  return (event) => {
    const { type } = event;
    let taking = known.get(type);
    if (taking === undefined) {
      const rule = rules.find(({ fits }) => fits(type))?.taking ?? options;
      taking = !options.select(type) ? 'nothing' : isWhole(rule) ? 'whole' : rule;
      known.set(type, taking);
    }
    if (taking === 'nothing') return;
    if (taking === 'whole') return pass(event);
    const ofType = streams.get(type) ?? new Map<string, Stream>();
    streams.set(type, ofType);
    let stream = ofType.get(event.source.sensor);
    // A sensor that was configured anew may have another schema of the same type.
    if (stream?.schema !== event.table.schema) {
      stream = new Stream(event.table.schema, taking);
      ofType.set(event.source.sensor, stream);
    }
    const taken = stream.take(event);
    if (taken) pass(taken);
  };
}

const isWhole = ({ rows, fields, every }: Taking): boolean => rows === undefined && fields === undefined && every === undefined;
