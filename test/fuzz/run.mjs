/**
 * Fuzzing: random, mutated and well-formed bytes against the frames, the codec, the handshake and listening servers, by strangers and by those
 * who hold the key. What is wrong is refused with a coded error, nothing else is thrown, memory stays bounded, and the servers go on serving others.
 *
 *   npm run fuzz -- --seconds 20 --seed 7
 */
import { connect as connectSocket } from 'node:net';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { connect, MillraceError, ServerThread } from '../../dist/index.js';
import { FrameDecoder, FramePacker } from '../../dist/protocol/codec.js';
import { FrameParser, frameOf } from '../../dist/protocol/frame.js';
import { DiallingHandshake, ListeningHandshake } from '../../dist/protocol/handshake.js';
import { decodeHandshake, encodeHandshake } from '../../dist/protocol/handshake-body.js';
import { defaultLimits } from '../../dist/protocol/limits.js';
import { messageTags } from '../../dist/protocol/shape.js';
import { Callers, valueProperties } from './callers.mjs';
import { Insiders } from './insiders.mjs';
import { mutated, samples } from './messages.mjs';
import { PyroPeers, pyroProperties } from './pyro.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '20' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('--seconds takes a number of seconds, --seed a whole number');

/** More than this above the start is a leak (bytes): a frame is 16 MiB at most. */
const mostGrowth = 192 * 2 ** 20;
const packr = new Packr({ useRecords: false });
const counts = { refused: 0, taken: 0 };

/** Nothing but an error with a code of the library may come out. */
function guarded(step) {
  try {
    step();
    counts.taken++;
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown;
    counts.refused++;
  }
}

/** Bytes in which a few were changed, cut or put in. */
const damaged = (bytes) =>
  fc
    .tuple(bytes, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'cut', 'add')), { maxLength: 6 }))
    .map(([given, changes]) => {
      const list = [...given];
      for (const [place, byte, how] of changes) {
        const at = place % (list.length + 1);
        if (how === 'set') list[at] = byte;
        else if (how === 'cut') list.splice(at, 1 + (byte % 8));
        else list.splice(at, 0, byte);
      }
      return Buffer.from(list);
    });

const anything = fc.anything({ maxDepth: 4, withTypedArray: true });
const message = fc.oneof(
  { weight: 6, arbitrary: mutated },
  { weight: 1, arbitrary: fc.constantFrom(...samples) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...messageTags), anything, anything) },
);
const packed = fc.array(message, { maxLength: 4 }).map((messages) => {
  try {
    return Buffer.from(packr.pack({ t: 1, d: messages }));
  } catch {
    return Buffer.from([0xc0]);
  }
});
const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  packed,
  damaged(packed),
);

const properties = {
  frames: fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }), (chunks) => {
    const parser = new FrameParser(() => 64 * 1024);
    guarded(() => {
      for (const chunk of chunks) {
        parser.push(Buffer.from(chunk));
        while (parser.next() !== null);
      }
    });
  }),
  'frames cut anywhere': fc.property(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 5 }),
    fc.array(fc.nat({ max: 60 }), { maxLength: 20 }),
    (bodies, cuts) => {
      const bytes = Buffer.concat(bodies.map((each) => frameOf(each)));
      const parser = new FrameParser(() => 64 * 1024);
      const found = [];
      let at = 0;
      for (const size of [...cuts, bytes.length]) {
        parser.push(bytes.subarray(at, at + size + 1));
        at += size + 1;
        for (let next = parser.next(); next !== null; next = parser.next()) found.push(Buffer.from(next));
        if (at >= bytes.length) break;
      }
      const given = bodies.map((each) => Buffer.from(each).toString('hex')).join();
      if (found.map((each) => each.toString('hex')).join() !== given) throw new Error('frames came out other than they went in');
    },
  ),
  codec: fc.property(body, (bytes) => guarded(() => new FrameDecoder(defaultLimits).decode(bytes))),
  'packed messages': fc.property(fc.array(message, { maxLength: 4 }), (messages) =>
    guarded(() => {
      const packer = new FramePacker(defaultLimits);
      for (const each of messages) packer.add(each);
      const parser = new FrameParser(() => defaultLimits.frame);
      for (const { bytes } of packer.take()) parser.push(Buffer.from(bytes));
      const decoder = new FrameDecoder(defaultLimits);
      for (let next = parser.next(); next !== null; next = parser.next()) decoder.decode(next);
    }),
  ),
  handshake: fc.property(
    fc.oneof(
      anything,
      fc.json().map((text) => JSON.parse(text)),
    ),
    fc.boolean(),
    (value, listening) => {
      const self = { role: 'server', id: 'a', host: 'b', pid: 1 };
      const channel = () => Buffer.alloc(0);
      const setup = { self, nonce: '5'.repeat(64), channel };
      const side = listening
        ? new ListeningHandshake({ ...setup, key: 'correct horse battery', id: 'n1' })
        : new DiallingHandshake({ ...setup, key: () => 'correct horse battery' });
      const { error, result } = side.receive(value);
      if (result !== null) throw new Error('a handshake of chance was accepted');
      if (error !== null && !(error instanceof MillraceError)) throw error;
    },
  ),
  'handshake bytes': fc.property(
    fc.oneof(fc.uint8Array({ maxLength: 300 }).map(Buffer.from), damaged(anything.map((value) => safely(() => encodeHandshake(1, value))))),
    (bytes) => guarded(() => decodeHandshake(bytes)),
  ),
  ...pyroProperties(guarded),
  ...valueProperties,
};

function safely(make) {
  try {
    return make();
  } catch {
    return Buffer.from('{}');
  }
}

/** A stranger on the listening port: sends these bytes and is gone. */
function intrude(port, chunks) {
  return new Promise((resolve) => {
    const socket = connectSocket({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.on('close', resolve);
    socket.on('connect', () => {
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
      setTimeout(() => socket.destroy(), 20);
    });
  });
}

console.log(`fuzz: ${seconds} s, seed ${seed}`);
globalThis.gc?.();
const end = performance.now() + seconds * 1_000;
const server = await ServerThread.new({ address: 'localhost:0', foreverMode: true });
const witness = await connect(server.address);
const insiders = await Insiders.open();
const callers = await Callers.open();
const pyro = await PyroPeers.open();
const strangers = fc.array(
  fc.oneof(
    body.map((bytes) => frameOf(bytes)),
    fc.uint8Array({ maxLength: 200 }).map(Buffer.from),
  ),
  { minLength: 1, maxLength: 4 },
);
const memory = () => {
  globalThis.gc?.();
  return process.memoryUsage().rss;
};
let before = memory();
let rounds = 0;
let intrusions = 0;
try {
  while (performance.now() < end) {
    for (const [name, property] of Object.entries(properties)) {
      const result = fc.check(property, { seed: seed + rounds, numRuns: 200 });
      if (result.failed) throw new Error(`${name}: ${fc.defaultReportMessage(result)}`, { cause: result.errorInstance });
    }
    const batches = fc.sample(strangers, { seed: seed + rounds, numRuns: 20 });
    await Promise.all(batches.map((chunks) => intrude(server.address.port, chunks)));
    intrusions += batches.length;
    // Another user of the server sees nothing of it.
    const { submitted } = await witness.progress();
    if (submitted !== 0) throw new Error('a stranger submitted a task');
    await insiders.round(seed + rounds, 25);
    await callers.round(seed + rounds, 200);
    await pyro.round(seed + rounds, 25);
    rounds++;
    // Code that is compiled and buffers that are kept for the next message are no growth.
    if (rounds === 3) before = memory();
  }
} catch (error) {
  console.error('fuzz:', error);
  process.exitCode = 1;
} finally {
  await witness.close();
  await server.stop();
  await insiders.close();
  await callers.close();
  await pyro.close();
}
const after = memory();
const growth = after - before;
const mib = (bytes) => Math.round(bytes / 2 ** 20);
console.log(
  `fuzz: ${rounds} rounds of ${Object.keys(properties).length} × 200 inputs (${counts.taken} taken, ${counts.refused} refused); ${intrusions} strangers; ` +
    `${insiders.sent} messages of ${insiders.tags.size} shapes by those who hold the key, ${insiders.cut} of them cut off; ${callers.sent} to remote objects, ${callers.cut} cut off; ${pyro.sent} talks in the wire of Pyro; memory ${mib(before)} MiB before, ${mib(after)} MiB after`,
);
if (growth > mostGrowth) {
  console.error(`fuzz: memory grew by more than ${mostGrowth / 2 ** 20} MiB`);
  process.exitCode = 1;
}
if (rounds === 0) {
  console.error('fuzz: no round was done: give it more seconds');
  process.exitCode = 1;
}
