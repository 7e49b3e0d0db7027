/** The internal bus: every event to every subscriber, synchronously, in the order of publication. */
import { EventEmitter } from 'eventemitter3';
import type { TideEvent } from './event.ts';

export class Bus {
  readonly #emitter = new EventEmitter<{ event: [TideEvent] }>();
  readonly #onError: (error: unknown) => void;

  /** `onError` is told what a subscriber threw; the others get the event all the same. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Never waits and never throws. */
  publish(event: TideEvent): void {
    this.#emitter.emit('event', event);
  }

  /** The returned function ends the subscription. */
  subscribe(take: (event: TideEvent) => void): () => void {
    const contained = (event: TideEvent): void => {
      try {
        take(event);
      } catch (error) {
        this.#onError(error);
      }
    };
    this.#emitter.on('event', contained);
    return () => this.#emitter.off('event', contained);
  }
}
