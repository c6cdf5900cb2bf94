import { describe, expect, it } from 'vitest';
import type { HeldTask } from '../../src/client/core/held.ts';
import { ProgressWords } from '../../src/client/progress.ts';
import type { TaskProgress } from '../../src/protocol/messages.ts';
import { VirtualClock } from '../../src/testing/clock.ts';

const task = (n: number, grant = 1): HeldTask => ({ n, grant }) as HeldTask;

function open() {
  const clock = new VirtualClock();
  const sent: { at: number; said: TaskProgress[1] }[] = [];
  const words = new ProgressWords(clock, ([, said]) => sent.push({ at: clock.now(), said }));
  return { clock, sent, words };
}

describe('the words of running functions', () => {
  it('leave at once after silence, then every 50 ms at most, and of each task the last', () => {
    const { clock, sent, words } = open();
    for (let at = 0; at < 100; at += 5) {
      words.say(1, task(11), String(at));
      words.say(2, task(12, 2), String(at));
      clock.advance(5);
    }
    expect(sent).toEqual([
      { at: 0, said: [[1, [[11, '0']]]] },
      {
        at: 50,
        said: [
          [2, [[12, '45']]],
          [1, [[11, '45']]],
        ],
      },
      {
        at: 100,
        said: [
          [1, [[11, '95']]],
          [2, [[12, '95']]],
        ],
      },
    ]);
  });

  it('make at most 16 messages a second, and 20 with those whose task ends', () => {
    const { clock, sent, words } = open();
    for (let at = 0; at < 3_000; at += 5) {
      words.say(1, task(11), String(at));
      clock.advance(5);
    }
    const inWindow = (): number =>
      Math.max(...sent.map(({ at }) => sent.filter((other) => other.at >= at && other.at < at + 1_000).length));
    expect(inWindow()).toBe(16);
    for (let key = 10; key < 40; key++) {
      words.say(key, task(key), 'last');
      words.ended([{ key }]);
      clock.advance(1);
    }
    expect(inWindow()).toBe(20);
  });

  it('leave before the end of their task, where there is room', () => {
    const { sent, words } = open();
    words.say(1, task(11), '1');
    words.say(1, task(11), '2');
    words.ended([{ key: 7 }]);
    expect(sent).toHaveLength(1);
    words.ended([{ key: 1 }]);
    expect(sent[1]).toEqual({ at: 0, said: [[1, [[11, '2']]]] });
  });

  it('go in messages of 1 MiB or a single word', () => {
    const { clock, sent, words } = open();
    words.say(0, task(0), 'x');
    for (let key = 1; key <= 40; key++) words.say(key, task(key), 'x'.repeat(64 * 1024));
    clock.advance(1_000);
    expect(sent.map(({ said }) => said[0]![1].length)).toEqual([1, 16, 16, 8]);
  });

  it('are forgotten with the client', () => {
    const { clock, sent, words } = open();
    words.say(1, task(11), '1');
    words.say(1, task(11), '2');
    words.close();
    clock.advance(1_000);
    expect(sent).toHaveLength(1);
  });
});
