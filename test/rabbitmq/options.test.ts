/** Options and routing keys of the sink `rabbitmq`. */
import { describe, expect, it } from 'vitest';
import { bindingKey, options, routingKey } from '../../src/rabbitmq/options.ts';
import { compileTemplate, isShort } from '../../src/rabbitmq/template.ts';
import { messageOf } from './support.ts';

const mistakesIn = (given: Record<string, unknown>): string[] =>
  (options.safeParse({ hosts: ['broker'], ...given }).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );

describe('rabbitmq: options', () => {
  it('are what an operator writes', () => {
    expect(options.parse({ hosts: ['10.0.0.1', '[::1]:5673', 'b.example:1'], queue_name: 'q' })).toMatchObject({
      vhost: '/',
      auth: 'plain',
      exchange: '',
      declare: 'passive',
      exchange_type: 'topic',
      queue_type: 'quorum',
      unroutable: 'keep',
      max_message_bytes: 16 * 2 ** 20,
      window: 1000,
      window_bytes: 8 * 2 ** 20,
      connections: 1,
      heartbeat: 10_000,
      connect_timeout: 10_000,
      lanes: 1,
      spool: { mode: 'on_failure' },
    });
  });

  it.each([
    [{ hosts: [] }, /^hosts: /],
    [{ hosts: ['amqp://user:password@host/vhost'] }, /options of their own/],
    [{ hosts: ['host:99999'] }, /port is at most 65535/],
    [{}, /^exchange: say where to publish/],
    [{ exchange: 'e', routing_key: '{nothing}' }, /\{nothing\} is not known; there is \{type\}, \{sensor\}, \{host\}, \{agent\}/],
    [{ exchange: 'e', routing_key: 'a.{type' }, /brace without its partner/],
    [{ exchange: 'e', routing_key: '{type}'.padEnd(262, 'ä') }, /longer than 255 bytes/],
    [{ exchange: 'ä'.repeat(128) }, /at most 255 bytes/],
    [{ queue_name: 'q', routing_key: 'other' }, /^routing_key: on the default exchange the routing key is the queue/],
    [{ queue_name: 'q', user: 'tide' }, /^user: needs its password/],
    [{ queue_name: 'q', password: 'a', password_file: 'b' }, /not both/],
    [{ queue_name: 'q', auth: 'external' }, /^auth: external needs the client certificate/],
    [{ queue_name: 'q', auth: 'external', user: 'x', tls: { cert: 'c', key: 'k' } }, /leave out user and password/],
    [{ queue_name: 'q', tls: { cert: 'c' } }, /come together/],
    [{ queue_name: 'q', exchange: 'e', declare: 'create', exchange_type: 'direct' }, /^binding_key: is needed/],
    [{ queue_name: 'q', heartbeat: 0 }, /heartbeat: 0 is less than the minimum/],
    [{ queue_name: 'q', window: 5000 }, /^window: /],
    [{ queue_name: 'q', nothing: 1 }, /nothing/],
  ])('refuse %j', (given, what) => {
    expect(mistakesIn(given).join('\n')).toMatch(what);
  });

  it.each([
    [{ queue_name: 'q' }, 'q', ''],
    [{ routing_key: 'q' }, 'q', ''],
    [{ exchange: 'e' }, '{type}', ''],
    [{ exchange: 'e', queue_name: 'q', declare: 'create' }, '{type}', '#'],
    [{ exchange: 'e', queue_name: 'q', declare: 'create', exchange_type: 'fanout' }, '{type}', ''],
    [{ exchange: 'e', queue_name: 'q', declare: 'create', exchange_type: 'direct', routing_key: 'k' }, 'k', 'k'],
    [{ exchange: 'e', queue_name: 'q', declare: 'create', binding_key: 'node.*' }, '{type}', 'node.*'],
  ])('%j publish and bind with the key that is meant', (given, key, binding) => {
    const parsed = options.parse({ hosts: ['h'], ...given });
    expect(routingKey(parsed)).toBe(key);
    expect(bindingKey(parsed)).toBe(binding);
  });

  it.each([
    ['plain', 'plain'],
    ['', ''],
    ['{type}', 'system.disk'],
    ['t.{type}.x', 't.system.disk.x'],
    ['{host}{sensor}', 'host-1disk'],
    ['{agent}/{host}/{sensor}/{type}', 'agent-1/host-1/disk/system.disk'],
  ])('the template %j makes %j', (template, key) => {
    expect(compileTemplate(template)(messageOf(1))).toBe(key);
  });

  it('a short string is counted in bytes', () => {
    expect([isShort('a'.repeat(255)), isShort('a'.repeat(256)), isShort('ä'.repeat(127)), isShort('ä'.repeat(128))]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});
