/**
 * The wire of Pyro: damaged frames, damaged JSON in frames that are well-formed, and whole conversations of both with a daemon, and of a daemon with a proxy.
 * What is wrong is refused with a coded error; a witness is served meanwhile.
 */
import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import { PyroDaemon, proxy, release } from '../../dist/remote/index.js';
import { encodeFrame, FrameReader, flags, kinds } from '../../dist/remote/pyro/core/frame.js';
import { PyroValues } from '../../dist/remote/pyro/values.js';

const largest = 1_000_000;
const values = new PyroValues({ classes: {}, revive: (state) => state });

const words = [
  '__class__',
  '__proto__',
  '__exception__',
  'Pyro4.core.Proxy',
  'Pyro4.core.URI',
  'Pyro4.errors.NamingError',
  'Pyro4.futures._ExceptionWrapper',
  'builtins.ValueError',
  'state',
  'args',
  'attributes',
  '_pyroTraceback',
  'PYRO:a@b:1',
  'toString',
  'constructor',
];
const leaf = fc.oneof(fc.constantFrom(...words), fc.jsonValue({ maxDepth: 1 }), fc.double(), fc.constant(2 ** 60));
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.constantFrom(...words), tie('tree')), { maxLength: 4 })
      .map((entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(',')}}`)
      .map((text) => new Text(text)),
  ),
}));

/** JSON that is written as it is: an object cannot have its keys. */
class Text {
  constructor(text) {
    this.text = text;
  }
}

function textOf(value) {
  if (value instanceof Text) return value.text;
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value) ?? 'null';
}

const json = tree.map(textOf);
const damagedText = fc
  .tuple(json, fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'[]{}",:0NI\\u-_9e.'))), fc.nat(3))
  .map(([text, changes, most]) => {
    let found = text;
    for (const [place, sign] of changes.slice(0, most)) {
      const at = place % (found.length + 1);
      found = found.slice(0, at) + sign + found.slice(at + (place % 2));
    }
    return found;
  });

const names = fc.constantFrom(
  'add',
  'echo',
  'items',
  '__getattr__',
  '__setattr__',
  '<batch>',
  'get_next_stream_item',
  'get_metadata',
  'registered',
  '_x',
);
const call = fc
  .tuple(
    fc.constantFrom('thing', 'Pyro.Daemon', 'none'),
    names,
    fc.oneof(damagedText, fc.constant('[1,2]'), fc.constant('[["add",[1,2],{}]]')),
    damagedText,
  )
  .map(([object, method, params, kwargs]) => `{"object":"${object}","method":"${method}","params":${params},"kwargs":${kwargs}}`);
const frame = fc
  .record({
    kind: fc.constantFrom(1, 4, 4, 4, 4, 6, 9),
    flags: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, flags.oneway, flags.batch, flags.batch | flags.oneway) }, fc.nat(255)),
    sequence: fc.nat(0xffff),
    text: fc.oneof(call, call, damagedText),
  })
  .map((parts) => encodeFrame(parts, null, largest));
const bytes = fc
  .tuple(fc.array(frame, { minLength: 1, maxLength: 3 }), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }), fc.boolean())
  .map(([frames, changes, whole]) => {
    const all = Buffer.concat(frames);
    if (!whole) for (const [at, byte] of changes) all[at % all.length] = byte;
    return all;
  });

/** For the table of properties. */
export function pyroProperties(guarded) {
  return {
    'frames of Pyro': fc.property(bytes, fc.array(fc.nat(200), { maxLength: 6 }), (all, cuts) => {
      const reader = new FrameReader(null, largest);
      guarded(() => {
        let at = 0;
        for (const size of [...cuts, all.length]) {
          reader.push(all.subarray(at, at + size + 1));
          at += size + 1;
          while (reader.next() !== null);
          if (at >= all.length) break;
        }
      });
    }),
    'values of Pyro': fc.property(fc.oneof(json, damagedText), (text) => {
      guarded(() => values.read(Buffer.from(text)));
      if (Object.keys(Object.prototype).length > 0) throw new Error('a value has changed the prototype of all objects');
    }),
  };
}

class Thing {
  add(a, b) {
    return a + b;
  }
  echo(value) {
    return value;
  }
  *items() {
    yield 1;
  }
}

/** A daemon with a witness, and a daemon of lies. */
export class PyroPeers {
  sent = 0;
  #daemon;
  #port;
  #witness;
  #liar;
  #lies = [];
  #sockets = new Set();

  static async open() {
    const peers = new PyroPeers();
    peers.#daemon = await PyroDaemon.new({ host: '127.0.0.1', streamLinger: 0 });
    peers.#port = peers.#daemon.address.port;
    peers.#witness = proxy(peers.#daemon.register(new Thing(), 'thing'), { timeout: 20 });
    peers.#liar = createServer((socket) => peers.#lie(socket));
    await new Promise((resolve) => peers.#liar.listen(0, '127.0.0.1', resolve));
    return peers;
  }

  async round(seed, count) {
    const talks = fc.sample(fc.array(bytes, { minLength: 1, maxLength: 3 }), { seed, numRuns: count });
    const hello = encodeFrame(
      { kind: kinds.connect, flags: flags.metadata, sequence: 0, text: '{"handshake":"hello","object":"thing"}' },
      null,
      largest,
    );
    await Promise.all(
      talks.map(
        (parts, place) =>
          new Promise((resolve) => {
            const socket = connect(this.#port, '127.0.0.1');
            socket.on('error', () => {});
            socket.on('close', resolve);
            socket.resume();
            socket.end(Buffer.concat(place % 8 === 0 ? parts : [hello, ...parts]));
          }),
      ),
    );
    this.#lies = fc.sample(fc.tuple(fc.nat(255), damagedText, fc.boolean()), { seed, numRuns: count });
    const { port } = this.#liar.address();
    for (let left = this.#lies.length; left > 0; left = this.#lies.length) {
      const remote = proxy(`PYRO:thing@127.0.0.1:${port}`, { timeout: 20 });
      const answer = await remote.echo(1).catch((error) => error);
      if (answer?.code === 'ERR_TIMEOUT' || answer instanceof TypeError || answer instanceof SyntaxError) throw answer;
      release(remote);
      this.sent += 1;
      this.#lies = this.#lies.slice(0, left - 1);
    }
    this.sent += talks.length;
    if ((await this.#witness.add(20, 22)) !== 42) throw new Error('a witness was told something else');
  }

  async close() {
    release(this.#witness);
    await this.#daemon.stop();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#liar.close(resolve));
  }

  #lie(socket) {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const reader = new FrameReader(null, largest);
    socket.on('data', (chunk) => {
      reader.push(chunk);
      for (let asked = reader.next(); asked !== null; asked = reader.next()) {
        const [bits, text, early] = this.#lies.at(-1) ?? [0, '1', false];
        const meta = early ? text : '{"handshake":"hello","meta":{"methods":["echo"],"attrs":[],"oneway":[]}}';
        const greeted = { kind: kinds.connected, flags: flags.metadata, sequence: 0, text: meta };
        const answer = { kind: kinds.result, flags: bits & ~flags.stream, sequence: asked.sequence, text };
        socket.write(encodeFrame(asked.kind === kinds.connect ? greeted : answer, null, largest));
      }
    });
  }
}
