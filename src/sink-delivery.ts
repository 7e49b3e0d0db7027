/** Makes the delivery that runs a broker's sink, with its spool in the folder for state. */
import type { BrokerDefinition } from './broker.ts';
import { Delivery, type DeliverySettings, type OpenBroker } from './delivery/delivery.ts';
import { openLevelStore } from './delivery/level-store.ts';
import { deliveryOf } from './delivery/options.ts';
import type { RunSink } from './sink-runner.ts';
import { spoolFolder } from './spool/folders.ts';

/** Goes on with `old` where that is a delivery too, under its new options. */
export const deliver: RunSink = ({ name, definition, common, options }, old, around) => {
  const open: OpenBroker = (context) => (definition as BrokerDefinition).openBroker(context, options);
  const settings: DeliverySettings = { ...common, delivery: deliveryOf(options) };
  if (old instanceof Delivery) {
    void old.reconfigure(open, settings);
    return old;
  }
  const { stateDir, log } = around;
  const openStore = async () =>
    await openLevelStore(spoolFolder(stateDir, name), {
      minFree: settings.delivery.spool.min_free,
      onRemark: (remark) => log.warn({ sink: name }, remark),
    });
  return new Delivery({ ...around, name, random: Math.random, openStore }, open, settings);
};
