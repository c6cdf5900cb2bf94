/**
 * Those who hold the key of a daemon of remote objects and send it every message of theirs with something wrong in it: tables of values that nobody has made,
 * streams, batches and references that are not there. Each may lose its connection; the object, its other callers and all prototypes stay as they are.
 */
import fc from 'fast-check';
import { newId } from '../../dist/base/ids.js';
import { MillraceError } from '../../dist/index.js';
import { byReference, control, Daemon, proxy } from '../../dist/remote/index.js';
import { Values } from '../../dist/remote/values.js';
import { dial } from '../../dist/transport/dial.js';

const auth = 'correct horse battery';
const self = { role: 'caller', host: 'elsewhere', pid: 1 };

class Point {
  x = 1;
}

const word = fc.constantFrom(
  ...['a', 'o', 'm', 's', 'u', 'z', 'n', 'j', 'd', 'r', 'e', 'b', 'E', 'C', 'F', 'O', 'B', 'P', 'S', 'R'],
  ...['object', 'add', 'echo', 'count', 'sum', 'Point', 'Error', '__proto__', 'constructor', 'prototype', 'toString', ''],
);
const part = fc.oneof(
  word,
  fc.integer({ min: -2, max: 9 }),
  fc.constantFrom(null, true, false, -1, 1e300),
  fc.uint8Array({ maxLength: 8 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    part,
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(word, part, { maxKeys: 3 }),
  ),
}));
const table = fc.array(fc.oneof(part, fc.array(part, { maxLength: 5 })), { maxLength: 8 });
const kind = fc.constantFrom('call', 'get', 'set', 'bind', 'batch', 'resume', '__proto__', '');
const event = fc.constantFrom('call', 'batch', 'abort', 'free', 'ran', 'full', 'items', 'end', 'grant', 'quit', 'full');
const parameters = fc.oneof(
  value,
  fc.tuple(fc.constantFrom('object', 0, 1), fc.constantFrom('add', 'echo', 'count', 'sum', '_x'), table, fc.constantFrom(0, 1, 2)),
  fc.tuple(
    fc.constant('object'),
    fc.array(word, { maxLength: 3 }),
    fc.array(fc.nat(3), { maxLength: 4 }),
    table,
    fc.nat(2),
    fc.boolean(),
    value,
  ),
);
const message = fc.oneof(
  fc.tuple(fc.constant('?'), fc.nat(50), kind, parameters),
  fc.tuple(fc.constant('event'), event, parameters),
  fc.tuple(fc.constant('='), fc.nat(50), value),
);

const values = new Values({ give: () => null, take: () => undefined }, { Point, RangeError });
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: true,
});

/** What prototypes have, so that nothing is added to one unseen. */
const shape = () =>
  [Object.prototype, Array.prototype, Function.prototype, Error.prototype, Point.prototype]
    .map((each) => Reflect.ownKeys(each).length)
    .join();
const before = shape();

/** The codec without a connection: any table is a value or a coded error, and any value comes back or is refused. */
export const valueProperties = {
  'tables of values': fc.property(table, (nodes) => coded(() => values.unpack([1, nodes]))),
  'values there and back': fc.property(anything, (given) => coded(() => values.unpack(values.pack(given, 'a value')))),
};

function coded(step) {
  try {
    step();
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown;
  }
  if (shape() !== before) throw new Error('a prototype was changed');
}

export class Callers {
  sent = 0;
  cut = 0;
  #daemon;
  #witness;

  static async open() {
    const callers = new Callers();
    callers.#daemon = await Daemon.new({ address: '127.0.0.1:0', auth, classes: { Point }, streamLinger: 0.1 });
    const object = {
      add: (a, b) => a + b,
      echo: (given) => given,
      point: () => byReference(new Point()),
      *count(n) {
        for (let i = 0; i < Math.min(Number(n) || 0, 1e6); i++) yield i;
      },
      async sum(items) {
        let sum = 0;
        for await (const item of items) sum += item;
        return sum;
      },
    };
    callers.#witness = proxy(callers.#daemon.register(object, 'object', { oneway: ['echo'] }), { auth, timeout: 20 });
    return callers;
  }

  async round(seed, count) {
    const messages = fc.sample(message, { seed, numRuns: count });
    let connection = null;
    let over = true;
    for (const each of messages) {
      if (over) {
        if (connection !== null) this.cut++;
        over = false;
        connection = await dial(this.#daemon.address, { auth, self: { ...self, id: newId() } });
        connection.start({
          message: () => {},
          closed: () => {
            over = true;
          },
        });
      }
      try {
        connection.send(each);
        this.sent++;
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    connection.destroy();
    if ((await this.#witness.add(20, 22)) !== 42) throw new Error('a caller was harmed by another');
    if (shape() !== before) throw new Error('a prototype was changed');
  }

  async close() {
    control(this.#witness).release();
    await this.#daemon.stop();
  }
}
