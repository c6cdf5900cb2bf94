/** Chance against what everyone can reach: the handshake on both sides, and the shape of every message. `npm run fuzz` does more of it, for longer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import { FrameDecoder, FramePacker } from '../../src/protocol/codec.ts';
import { FrameParser } from '../../src/protocol/frame.ts';
import { DiallingHandshake, ListeningHandshake } from '../../src/protocol/handshake.ts';
import { defaultLimits } from '../../src/protocol/limits.ts';
import type { Message, PeerInfo } from '../../src/protocol/messages.ts';
import { checkMessage, messageTags } from '../../src/protocol/shape.ts';
import { golden } from './golden.ts';

const key = 'correct horse battery';
const nonce = (letter: string): string => letter.repeat(64);
const self: PeerInfo = { role: 'server', id: 's', host: 'h', pid: 1 };
const channel = (): Uint8Array => new Uint8Array(0);

const odd = fc.oneof(
  fc.anything({ maxDepth: 3, withTypedArray: true }),
  fc.constantFrom(null, undefined, -1, 0.5, 2 ** 32, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY, '', '\0', [], {}, true),
);
/** Where in a value, as the number of the part at each depth. */
const path = fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 6 });

function changed(value: unknown, [place = 0, ...deeper]: readonly number[], into: unknown): unknown {
  const keys = typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) ? Object.keys(value) : [];
  const name = keys[place % keys.length];
  if (name === undefined) return into;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[name] = deeper.length === 0 ? into : changed(copy[name], deeper, into);
  return copy;
}

/** Nothing but an error that blames the peer may come out. */
function blamed(step: () => void): 'fine' | 'refused' {
  try {
    step();
    return 'fine';
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    expect((error as MillraceError).code).toMatch(/^ERR_(PROTOCOL|FRAME_TOO_LARGE|NOT_CLONEABLE)$/);
    return 'refused';
  }
}

test('there is a sample of every message', () => {
  expect(new Set(golden.map(({ message }) => message[0]))).toEqual(new Set(messageTags));
});

test.each(golden.map(({ message }) => [message[0], message] as const))(
  'a message %s with any of its parts replaced is taken whole or refused, and never throws anything else',
  (_, message) => {
    const seen = { fine: 0, refused: 0 };
    fc.assert(
      fc.property(path, odd, (at, into) => {
        const mutated = changed(message, at, into);
        seen[blamed(() => checkMessage(mutated))]++;
        blamed(() => {
          const packer = new FramePacker(defaultLimits);
          packer.add(mutated as Message);
          const parser = new FrameParser(() => defaultLimits.frame);
          const decoder = new FrameDecoder(defaultLimits);
          for (const { bytes } of packer.take()) parser.push(bytes);
          for (let body = parser.next(); body !== null; body = parser.next()) decoder.decode(body);
        });
      }),
      { numRuns: 200 },
    );
    expect(seen.refused).toBeGreaterThan(10);
  },
);

describe('a handshake', () => {
  const sides = {
    listening: () => new ListeningHandshake({ self, nonce: nonce('1'), channel, key, id: 'n1' }),
    dialling: () => new DiallingHandshake({ self: { ...self, role: 'control' }, nonce: nonce('2'), channel, key: () => key }),
  } as const;

  test.each(['listening', 'dialling'] as const)('of the %s side is never won by chance, and refuses with a coded error', (side) => {
    fc.assert(
      fc.property(fc.array(odd, { minLength: 1, maxLength: 3 }), (frames) => {
        const handshake = sides[side]();
        for (const frame of frames) {
          const { result, error } = handshake.receive(frame);
          expect(result).toBeNull();
          if (error !== null) expect(error).toBeInstanceOf(MillraceError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('in which any part of any frame of who dials is replaced is refused', () => {
    fc.assert(
      fc.property(fc.boolean(), path, odd, (first, at, into) => {
        const listening = sides.listening();
        const dialling = sides.dialling();
        const hello = dialling.hello();
        const sent = first ? changed(hello, at, into) : hello;
        const challenge = listening.receive(sent);
        if (challenge.error !== null) return;
        const [proof] = dialling.receive(challenge.send[0]).send;
        const given = first ? proof : changed(proof, at, into);
        const { result } = listening.receive(given);
        // A change that changes nothing, or only what nobody reads.
        const same = JSON.stringify([sent, given]) === JSON.stringify([hello, proof]);
        if (!same) expect(result).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });
});
