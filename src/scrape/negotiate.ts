/** Which formats are asked for, and which one an answer is in. As scrape/scrape.go of Prometheus has it. */

export type Protocol = 'protobuf' | 'openmetrics' | 'text';

/** Tenths of the first weight: Prometheus has one more than it knows protocols. */
const WEIGHT = 6;

/** `protobuf`: ask for it first. `strict`: OpenMetrics 1.0 has no quoted names, so that names in UTF-8 come escaped. */
export function acceptHeader({ protobuf, strict }: { protobuf: boolean; strict: boolean }): string {
  const escaping = strict ? 'underscores' : 'allow-utf-8';
  const types = [
    ...(protobuf ? ['application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'] : []),
    `application/openmetrics-text;version=1.0.0;escaping=${escaping}`,
    'application/openmetrics-text;version=0.0.1',
    `text/plain;version=1.0.0;escaping=${escaping}`,
    'text/plain;version=0.0.4',
  ];
  return [...types, '*/*'].map((type, i) => `${type};q=0.${WEIGHT - i}`).join(',');
}

/** Seconds in their shortest form: `10`, `0.5`. */
export const timeoutHeader = (ms: number): string => `${ms / 1000}`;

const TYPES: Readonly<Record<string, Protocol>> = {
  'application/openmetrics-text': 'openmetrics',
  'text/plain': 'text',
  'application/vnd.google.protobuf': 'protobuf',
};

/** What an answer with this content type is read as. Throws when it is none of ours and there is no `fallback`. */
export function protocolOf(contentType: string | undefined, fallback: Protocol | undefined, protobuf: boolean): Protocol {
  const media = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const protocol = Object.hasOwn(TYPES, media) ? TYPES[media] : undefined;
  if (protocol === 'protobuf' && !protobuf) throw new Error('the answer is protobuf, which the option protobuf does not allow');
  const chosen = protocol ?? fallback;
  if (chosen !== undefined) return chosen;
  const is =
    contentType === undefined || contentType === ''
      ? 'the answer has no content type'
      : `the content type is ${JSON.stringify(contentType.slice(0, 100))}`;
  throw new Error(`${is}, which is no exposition format; set fallback_protocol if it is one all the same`);
}
