/** What a sink takes: types by pattern, and of these rows, fields and samples. */
import type { Source, TideEvent } from '../event.ts';
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
  // By source, for each target of a sensor is sampled at moments of its own, and goes as it came.
  const streams = new WeakMap<Source, Map<string, Stream>>();
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
    let ofSource = streams.get(event.source);
    if (!ofSource) streams.set(event.source, (ofSource = new Map<string, Stream>()));
    let stream = ofSource.get(type);
    if (!stream) ofSource.set(type, (stream = new Stream(taking)));
    const taken = stream.take(event);
    if (taken) pass(taken);
  };
}

const isWhole = ({ rows, fields, every }: Taking): boolean => rows === undefined && fields === undefined && every === undefined;
