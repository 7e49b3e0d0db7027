/**
 * Sockets and protocol counters, from `<proc>/net`: sockstat, snmp, netstat, their counterparts for IPv6, and tcp.
 *
 * RFC 1213 and RFC 4293 say what is counted, and for Linux' own counters https://docs.kernel.org/networking/snmp_counter.html
 * There are conventions for `system.network.connection` alone; the other names are the kernel's, in snake case.
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, updowncounter } from '../src/event.ts';
import type { Host, HotFile } from '../src/host.ts';
import { HeadedCounters } from '../src/net/headed-counters.ts';
import { LineCounters } from '../src/net/line-counters.ts';
import { netFile } from '../src/net/paths.ts';
import { counted, fieldsOf, namesOf, valuesOf } from '../src/net/protocol-fields.ts';
import { readSockstat } from '../src/net/sockstat.ts';
import { countStates, STATES_EVERY, StateTurns, TCP_STATES } from '../src/net/tcp-states.ts';
import { pageBytes } from '../src/page-size.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

/** Above so many sockets connections are not counted by state: with `auto`, and at all. */
const [STATES_AUTO_MAX, STATES_MAX] = [5000, 100_000];

const CONNECTIONS = '{connection}';
const SEGMENTS = '{segment}';
const TCP = {
  active_opens: counted(counter(CONNECTIONS, 'Connections that were begun from here.'), 'Tcp:ActiveOpens'),
  passive_opens: counted(counter(CONNECTIONS, 'Connections that were begun from elsewhere.'), 'Tcp:PassiveOpens'),
  attempt_fails: counted(counter(CONNECTIONS, 'Connections that failed before they were established.'), 'Tcp:AttemptFails'),
  estab_resets: counted(counter(CONNECTIONS, 'Established connections that were reset.'), 'Tcp:EstabResets'),
  curr_estab: counted(updowncounter(CONNECTIONS, 'Connections that are established, or in close-wait.'), 'Tcp:CurrEstab'),
  in_segs: counted(counter(SEGMENTS, 'Segments received, those with errors included.'), 'Tcp:InSegs'),
  out_segs: counted(counter(SEGMENTS, 'Segments sent, those that were sent again not included.'), 'Tcp:OutSegs'),
  retrans_segs: counted(counter(SEGMENTS, 'Segments that were sent again.'), 'Tcp:RetransSegs'),
  in_errs: counted(counter(SEGMENTS, 'Segments received with errors.'), 'Tcp:InErrs'),
  in_csum_errors: counted(counter(SEGMENTS, 'Segments received with a wrong checksum.'), 'Tcp:InCsumErrors'),
  out_rsts: counted(counter(SEGMENTS, 'Resets sent.'), 'Tcp:OutRsts'),
  orig_data_sent: counted(counter(SEGMENTS, 'Segments with data sent, without what was sent again.'), 'TcpExt:TCPOrigDataSent'),
  syn_retrans: counted(counter(SEGMENTS, 'SYNs that were sent again.'), 'TcpExt:TCPSynRetrans'),
  fast_retrans: counted(counter(SEGMENTS, 'Segments sent again without a timeout.'), 'TcpExt:TCPFastRetrans'),
  lost_retransmit: counted(counter(SEGMENTS, 'Segments sent again that were lost again.'), 'TcpExt:TCPLostRetransmit'),
  timeouts: counted(counter('{timeout}', 'Timeouts of an acknowledgement.'), 'TcpExt:TCPTimeouts'),
  spurious_rtos: counted(counter('{timeout}', 'Timeouts that came too early.'), 'TcpExt:TCPSpuriousRTOs'),
  listen_overflows: counted(counter(CONNECTIONS, 'Connections dropped: the queue of accept was full.'), 'TcpExt:ListenOverflows'),
  listen_drops: counted(
    counter(CONNECTIONS, 'Connections dropped by a listener, for this or another reason.'),
    'TcpExt:ListenDrops',
  ),
  req_q_full_drop: counted(counter(CONNECTIONS, 'SYNs dropped: the queue of requests was full.'), 'TcpExt:TCPReqQFullDrop'),
  syncookies_sent: counted(counter('{cookie}', 'SYN cookies sent.'), 'TcpExt:SyncookiesSent'),
  syncookies_recv: counted(counter('{cookie}', 'SYN cookies that came back.'), 'TcpExt:SyncookiesRecv'),
  syncookies_failed: counted(counter('{cookie}', 'SYN cookies that came back wrong.'), 'TcpExt:SyncookiesFailed'),
  backlog_drop: counted(counter(SEGMENTS, "Segments dropped: a socket's backlog was full."), 'TcpExt:TCPBacklogDrop'),
  rcv_q_drop: counted(counter(SEGMENTS, "Segments dropped: a socket's receive queue was full."), 'TcpExt:TCPRcvQDrop'),
  ofo_queue: counted(counter(SEGMENTS, 'Segments received out of order.'), 'TcpExt:TCPOFOQueue'),
  abort_on_data: counted(counter(CONNECTIONS, 'Connections reset for data that nobody will read.'), 'TcpExt:TCPAbortOnData'),
  abort_on_memory: counted(counter(CONNECTIONS, 'Connections dropped for want of memory.'), 'TcpExt:TCPAbortOnMemory'),
  abort_on_timeout: counted(counter(CONNECTIONS, 'Connections given up after timeouts.'), 'TcpExt:TCPAbortOnTimeout'),
  time_wait_overflow: counted(counter(CONNECTIONS, 'Connections not kept in time-wait: too many.'), 'TcpExt:TCPTimeWaitOverflow'),
  memory_pressures: counted(counter('{event}', 'How often the memory of TCP ran short.'), 'TcpExt:TCPMemoryPressures'),
};

const DATAGRAMS = '{datagram}';
const UDP = {
  in_datagrams: counted(counter(DATAGRAMS, 'Datagrams delivered.'), 'Udp:InDatagrams', 'Udp6InDatagrams'),
  out_datagrams: counted(counter(DATAGRAMS, 'Datagrams sent.'), 'Udp:OutDatagrams', 'Udp6OutDatagrams'),
  no_ports: counted(counter(DATAGRAMS, 'Datagrams received for a port where nothing was.'), 'Udp:NoPorts', 'Udp6NoPorts'),
  in_errors: counted(counter(DATAGRAMS, 'Datagrams not delivered for other reasons.'), 'Udp:InErrors', 'Udp6InErrors'),
  rcvbuf_errors: counted(counter(DATAGRAMS, 'Of these: the receive buffer was full.'), 'Udp:RcvbufErrors', 'Udp6RcvbufErrors'),
  in_csum_errors: counted(counter(DATAGRAMS, 'Of these: the checksum was wrong.'), 'Udp:InCsumErrors', 'Udp6InCsumErrors'),
  mem_errors: counted(counter(DATAGRAMS, 'Of these: the memory of UDP was used up.'), 'Udp:MemErrors', 'Udp6MemErrors'),
  sndbuf_errors: counted(
    counter(DATAGRAMS, 'Datagrams not sent: the send buffer was full.'),
    'Udp:SndbufErrors',
    'Udp6SndbufErrors',
  ),
};

const IP = {
  in_receives: counted(counter(DATAGRAMS, 'Datagrams received.'), 'Ip:InReceives', 'Ip6InReceives'),
  in_delivers: counted(counter(DATAGRAMS, 'Datagrams given to a protocol here.'), 'Ip:InDelivers', 'Ip6InDelivers'),
  in_hdr_errors: counted(counter(DATAGRAMS, 'Dropped: errors in the header.'), 'Ip:InHdrErrors', 'Ip6InHdrErrors'),
  in_addr_errors: counted(counter(DATAGRAMS, 'Dropped: an invalid destination.'), 'Ip:InAddrErrors', 'Ip6InAddrErrors'),
  in_no_routes: counted(counter(DATAGRAMS, 'Dropped: no route to forward it by.'), 'IpExt:InNoRoutes', 'Ip6InNoRoutes'),
  in_discards: counted(counter(DATAGRAMS, 'Received and dropped for want of room.'), 'Ip:InDiscards', 'Ip6InDiscards'),
  in_octets: counted(counter('By', 'Bytes received.'), 'IpExt:InOctets', 'Ip6InOctets'),
  forw_datagrams: counted(counter(DATAGRAMS, 'Datagrams forwarded.'), 'Ip:ForwDatagrams', 'Ip6OutForwDatagrams'),
  out_requests: counted(counter(DATAGRAMS, 'Datagrams that protocols here sent.'), 'Ip:OutRequests', 'Ip6OutRequests'),
  out_discards: counted(counter(DATAGRAMS, 'Dropped instead of sent for want of room.'), 'Ip:OutDiscards', 'Ip6OutDiscards'),
  out_no_routes: counted(counter(DATAGRAMS, 'Not sent: no route.'), 'Ip:OutNoRoutes', 'Ip6OutNoRoutes'),
  out_octets: counted(counter('By', 'Bytes sent.'), 'IpExt:OutOctets', 'Ip6OutOctets'),
  reasm_reqds: counted(counter('{fragment}', 'Fragments received.'), 'Ip:ReasmReqds', 'Ip6ReasmReqds'),
  reasm_oks: counted(counter(DATAGRAMS, 'Datagrams put together from fragments.'), 'Ip:ReasmOKs', 'Ip6ReasmOKs'),
  reasm_fails: counted(counter('{failure}', 'Failures to put fragments together.'), 'Ip:ReasmFails', 'Ip6ReasmFails'),
  frag_oks: counted(counter(DATAGRAMS, 'Datagrams cut into fragments.'), 'Ip:FragOKs', 'Ip6FragOKs'),
  frag_fails: counted(counter(DATAGRAMS, 'Datagrams that needed cutting and could not be cut.'), 'Ip:FragFails', 'Ip6FragFails'),
  frag_creates: counted(counter('{fragment}', 'Fragments made.'), 'Ip:FragCreates', 'Ip6FragCreates'),
};

const MESSAGES = '{message}';
const ICMP = {
  in_msgs: counted(counter(MESSAGES, 'Messages received.'), 'Icmp:InMsgs', 'Icmp6InMsgs'),
  in_errors: counted(counter(MESSAGES, 'Messages received with errors.'), 'Icmp:InErrors', 'Icmp6InErrors'),
  in_csum_errors: counted(counter(MESSAGES, 'Of these: the checksum was wrong.'), 'Icmp:InCsumErrors', 'Icmp6InCsumErrors'),
  in_dest_unreachs: counted(counter(MESSAGES, 'Unreachable, received.'), 'Icmp:InDestUnreachs', 'Icmp6InDestUnreachs'),
  in_time_excds: counted(counter(MESSAGES, 'Time exceeded, received.'), 'Icmp:InTimeExcds', 'Icmp6InTimeExcds'),
  in_redirects: counted(counter(MESSAGES, 'Redirects received.'), 'Icmp:InRedirects', 'Icmp6InRedirects'),
  in_echos: counted(counter(MESSAGES, 'Echo requests received.'), 'Icmp:InEchos', 'Icmp6InEchos'),
  in_echo_reps: counted(counter(MESSAGES, 'Echo replies received.'), 'Icmp:InEchoReps', 'Icmp6InEchoReplies'),
  out_msgs: counted(counter(MESSAGES, 'Messages sent.'), 'Icmp:OutMsgs', 'Icmp6OutMsgs'),
  out_errors: counted(counter(MESSAGES, 'Messages not sent.'), 'Icmp:OutErrors', 'Icmp6OutErrors'),
  out_dest_unreachs: counted(counter(MESSAGES, 'Unreachable, sent.'), 'Icmp:OutDestUnreachs', 'Icmp6OutDestUnreachs'),
  out_time_excds: counted(counter(MESSAGES, 'Time exceeded, sent.'), 'Icmp:OutTimeExcds', 'Icmp6OutTimeExcds'),
  out_echos: counted(counter(MESSAGES, 'Echo requests sent.'), 'Icmp:OutEchos', 'Icmp6OutEchos'),
  out_echo_reps: counted(counter(MESSAGES, 'Echo replies sent.'), 'Icmp:OutEchoReps', 'Icmp6OutEchoReplies'),
};

const both = 'TCP, over IPv4 and IPv6 together: the kernel counts them as one.';
const tcp = defineSchema({ type: 'system.network.tcp', doc: both, attributes: [], fields: fieldsOf(TCP) });
const udp = defineSchema({ type: 'system.network.udp', doc: 'UDP.', attributes: ['network.type'], fields: fieldsOf(UDP) });
const ip = defineSchema({ type: 'system.network.ip', doc: 'IP.', attributes: ['network.type'], fields: fieldsOf(IP) });
const icmp = defineSchema({ type: 'system.network.icmp', doc: 'ICMP.', attributes: ['network.type'], fields: fieldsOf(ICMP) });

const sockets = defineSchema({
  type: 'system.network.socket',
  doc: 'All sockets.',
  attributes: [],
  fields: { used: updowncounter('{socket}', 'Sockets of every kind, those of the local machine included.') },
});

const inUse = defineSchema({
  type: 'system.network.socket',
  doc: 'Sockets by transport (tcp, udp, udplite, raw) and version of IP.',
  attributes: ['network.transport', 'network.type'],
  fields: { inuse: updowncounter('{socket}', 'Sockets in use; of TCP those that are bound or connected, without time-wait.') },
});

const kept = defineSchema({
  type: 'system.network.socket',
  doc: 'What sockets take, by transport, with IPv4 and IPv6 together. For tcp and, of the fields memory alone, udp.',
  attributes: ['network.transport'],
  fields: {
    orphan: updowncounter('{socket}', 'Sockets that no process holds and that are not closed yet.'),
    time_wait: updowncounter('{socket}', 'Connections in time-wait.'),
    alloc: updowncounter('{socket}', 'Sockets that have memory.'),
    memory: updowncounter('By', 'Memory of their buffers, in whole pages.'),
  },
});

const fragments = defineSchema({
  type: 'system.network.fragment',
  doc: 'Datagrams that wait for the rest of their fragments.',
  attributes: ['network.type'],
  fields: {
    inuse: updowncounter('{datagram}', 'Datagrams that wait.'),
    memory: updowncounter('By', 'Memory that their fragments take.'),
  },
});

const connections = defineSchema({
  type: 'system.network.connection',
  doc: 'TCP connections by state, over IPv4 and IPv6 together. Not at every sample: see the option `states`.',
  attributes: ['network.transport', 'network.connection.state'],
  fields: { count: updowncounter(CONNECTIONS, 'Connections in this state.') },
});

const TRANSPORTS = { tcp: 'TCP', udp: 'UDP', udplite: 'UDPLITE', raw: 'RAW' };
/** What a protocol's name ends in, in sockstat. */
const VERSIONS = [
  ['ipv4', ''],
  ['ipv6', '6'],
] as const;

const options = z.strictObject({
  states: z
    .union([z.boolean(), z.literal('auto')])
    .default('auto')
    .describe(
      `Whether TCP connections are counted by state, which takes milliseconds. auto: at every ${STATES_EVERY}th sample, once a minute at most, ` +
        `while there are no more than ${STATES_AUTO_MAX}; true: at every sample, while there are no more than ${STATES_MAX}.`,
    ),
});

export default defineSensor({
  name: 'sockets',
  summary: 'Sockets, TCP connections by state, and counters of TCP, UDP, IP and ICMP, from /proc/net.',
  emits: [sockets, inUse, kept, fragments, tcp, udp, ip, icmp, connections],
  options,
  open(host, { states }) {
    if (host.platform !== 'linux') throw new Unavailable(`sockets are read from Linux' /proc/net; this is ${host.platform}`);
    const [sockstat, snmp] = [host.procPath(netFile(host, 'sockstat')), host.procPath(netFile(host, 'snmp'))];
    if (!host.exists(sockstat) && !host.exists(snmp))
      throw new Unavailable(`sockets cannot be counted, because neither ${sockstat} nor ${snmp} is there`);
    return new Sockets(host, states);
  },
});

const FILES = ['sockstat', 'sockstat6', 'snmp', 'netstat', 'snmp6', 'tcp', 'tcp6'] as const;

class Sockets implements Sampler {
  readonly #files: Partial<Record<(typeof FILES)[number], HotFile>> = {};
  readonly #states: boolean | 'auto';
  readonly #pageBytes: number;
  readonly #snmp = new HeadedCounters(namesOf('ipv4', TCP, UDP, IP, ICMP));
  readonly #netstat = new HeadedCounters(namesOf('ipv4', TCP, UDP, IP, ICMP));
  readonly #snmp6 = new LineCounters(namesOf('ipv6', UDP, IP, ICMP));
  readonly #turns = new StateTurns();

  constructor(host: Host, states: boolean | 'auto') {
    for (const name of FILES) {
      const path = netFile(host, name);
      // Those for IPv6 are not there without it.
      if (host.exists(host.procPath(path))) this.#files[name] = host.proc(path, name.startsWith('tcp') ? 'in pieces' : 'at once');
    }
    this.#states = states;
    this.#pageBytes = pageBytes(host);
  }

  sample(_signal: AbortSignal, time: number): AnyTable[] {
    const pairs = new Map<string, number>();
    readSockstat(this.#files.sockstat?.maybe(), pairs);
    readSockstat(this.#files.sockstat6?.maybe(), pairs);
    this.#snmp.read(this.#files.snmp?.maybe());
    this.#netstat.read(this.#files.netstat?.maybe());
    this.#snmp6.read(this.#files.snmp6?.maybe());
    const tables = [...socketTables(pairs, this.#pageBytes), ...this.#protocolTables()];
    const counts = this.#countStates(pairs, time);
    if (counts) tables.push(counts);
    return tables.filter(({ rows }) => rows > 0);
  }

  close(): void {
    for (const file of Object.values(this.#files)) file.close();
  }

  #protocolTables(): AnyTable[] {
    const get = {
      ipv4: (name: string): number | undefined => this.#snmp.get(name) ?? this.#netstat.get(name),
      ipv6: (name: string): number | undefined => this.#snmp6.get(name),
    };
    const tables = { tcp: tcp.table(), udp: udp.table(), ip: ip.table(), icmp: icmp.table() };
    const ofTcp = valuesOf(TCP, 'ipv4', get.ipv4);
    if (ofTcp) tables.tcp.add([], ofTcp);
    for (const [version] of VERSIONS) {
      const ofUdp = valuesOf(UDP, version, get[version]);
      const ofIp = valuesOf(IP, version, get[version]);
      const ofIcmp = valuesOf(ICMP, version, get[version]);
      if (ofUdp) tables.udp.add([version], ofUdp);
      if (ofIp) tables.ip.add([version], ofIp);
      if (ofIcmp) tables.icmp.add([version], ofIcmp);
    }
    return Object.values(tables);
  }

  #countStates(pairs: ReadonlyMap<string, number>, time: number): AnyTable | undefined {
    const isTurn = this.#states === 'auto' ? this.#turns.isDue(time) : this.#states;
    const open = ['TCP:inuse', 'TCP6:inuse', 'TCP:tw'].reduce((sum, name) => sum + (pairs.get(name) ?? 0), 0);
    if (!isTurn || open > (this.#states === 'auto' ? STATES_AUTO_MAX : STATES_MAX)) return undefined;
    this.#turns.counted(time);
    const texts = [this.#files.tcp, this.#files.tcp6];
    const counts = TCP_STATES.map(() => 0);
    const read = texts.filter((file) => {
      const text = file?.maybe();
      if (text) countStates(text, counts);
      return text !== undefined;
    });
    if (read.length === 0) return undefined;
    const table = connections.table();
    TCP_STATES.forEach((state, index) => table.add(['tcp', state], { count: counts[index] }));
    return table;
  }
}

function socketTables(pairs: ReadonlyMap<string, number>, page: number): AnyTable[] {
  const tables = { sockets: sockets.table(), inUse: inUse.table(), kept: kept.table(), fragments: fragments.table() };
  if (pairs.has('sockets:used')) tables.sockets.add([], { used: pairs.get('sockets:used') });
  for (const [transport, name] of Object.entries(TRANSPORTS)) {
    for (const [version, suffix] of VERSIONS) {
      const inuse = pairs.get(`${name}${suffix}:inuse`);
      if (inuse !== undefined) tables.inUse.add([transport, version], { inuse });
    }
    const pages = pairs.get(`${name}:mem`);
    if (pages === undefined) continue;
    const [orphan, time_wait, alloc] = ['orphan', 'tw', 'alloc'].map((word) => pairs.get(`${name}:${word}`));
    tables.kept.add([transport], { orphan, time_wait, alloc, memory: pages * page });
  }
  for (const [version, suffix] of VERSIONS) {
    const memory = pairs.get(`FRAG${suffix}:memory`);
    const inuse = pairs.get(`FRAG${suffix}:inuse`);
    if (inuse !== undefined) tables.fragments.add([version], { inuse, memory });
  }
  return Object.values(tables);
}
