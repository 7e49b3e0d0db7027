/** What kafkajs says. It prints a line for each attempt to reach a broker; here nothing is printed, and a thing is said once. */
import kafkajs, { type logCreator } from 'kafkajs';

/** Different things that are said in the life of a client; what it does not say by then is nothing new. */
const SAID_MAX = 20;

/** Errors are left out: each of them also fails the call that it belongs to, and that is told by who made the call. */
export function warnOnce(warn: (message: string) => void): logCreator {
  const said = new Set<string>();
  return () =>
    ({ level, namespace, log }) => {
      // The places of a broker and the numbers of its requests make no new thing of what is said.
      const what = `${namespace}: ${log.message}`.replaceAll(/\d+/g, 'n');
      if (level !== kafkajs.logLevel.WARN || said.has(what) || said.size >= SAID_MAX) return;
      said.add(what);
      warn(`kafkajs, ${namespace}: ${log.message}`);
    };
}
