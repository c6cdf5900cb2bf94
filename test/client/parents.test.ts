import { describe, expect, it } from 'vitest';
import { ParentQuestions } from '../../src/client/parents.ts';
import type { Request } from '../../src/protocol/messages.ts';

function open() {
  const sent: Request[] = [];
  const heard: unknown[] = [];
  const questions = new ParentQuestions((message) => sent.push(message));
  const ask = (n: number): (() => void) =>
    questions.ask(
      n,
      (ends) => heard.push([n, ends]),
      (error) => heard.push([n, error.code]),
    );
  return { sent, heard, questions, ask };
}
const end = { id: 'a', outcome: 1, value: '5', stdout: null };

describe('a question for parents', () => {
  it('is answered once', () => {
    const { sent, heard, questions, ask } = open();
    ask(7);
    expect(sent).toEqual([['?', 1, 'parents', { n: 7 }]]);
    questions.receive(['=', 1, [end]]);
    questions.receive(['=', 1, [end]]);
    expect(heard).toEqual([[7, [end]]]);
  });

  it('is asked again on the next connection, and an answer of the former one does not count', () => {
    const { sent, heard, questions, ask } = open();
    ask(7);
    ask(8);
    questions.receive(['=', 2, []]);
    questions.askAgain();
    expect(sent.slice(2)).toEqual([['?', 3, 'parents', { n: 7 }]]);
    questions.receive(['=', 1, [end]]);
    expect(heard).toEqual([[8, []]]);
    questions.receive(['=', 3, [end]]);
    expect(heard).toEqual([
      [8, []],
      [7, [end]],
    ]);
  });

  it('that is called off is neither answered nor asked again', () => {
    const { sent, heard, questions, ask } = open();
    ask(7)();
    questions.receive(['=', 1, [end]]);
    questions.askAgain();
    expect([sent.length, heard]).toEqual([1, []]);
  });

  it('that is refused fails with the code, and so does an answer of another shape', () => {
    const { heard, questions, ask } = open();
    ask(7);
    ask(8);
    ask(9);
    questions.receive(['!', 1, { code: 'ERR_FRAME_TOO_LARGE', message: 'large', details: {}, cause: null }]);
    questions.receive(['=', 2, [{ id: 'a', outcome: 99, value: null, stdout: null }]]);
    questions.receive(['=', 3, 'no list']);
    expect(heard).toEqual([
      [7, 'ERR_FRAME_TOO_LARGE'],
      [8, 'ERR_PROTOCOL'],
      [9, 'ERR_PROTOCOL'],
    ]);
  });
});
