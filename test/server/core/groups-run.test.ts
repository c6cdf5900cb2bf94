import { expect, it } from 'vitest';
import { Bench, grants, sent, shell } from './harness.ts';

it('starts a group when all lower ones have ended', () => {
  const bench = new Bench();
  bench.join('c', 9);
  const [[, grant, , numbers] = []] = grants(bench.submit([shell('later', { group: 1 }), shell('first')]));
  expect(numbers).toEqual([2]);
  bench.result('c', grant!, 2);
  expect(grants(bench.turn())[0]?.[3]).toEqual([1]);
});

it('ends the run with the group named when one of it failed for good', () => {
  const bench = new Bench();
  bench.join('c', 9);
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b', { group: 1 })]));
  bench.result('c', grant!, 1, 2);
  const turn = bench.turn();
  expect(grants(turn)).toEqual([]);
  expect(sent(turn, 'c', 'end')).toEqual([['end', 'stopped']]);
  expect(turn.finish).toMatchObject({ reason: 'failed', error: { code: 'ERR_GROUP_FAILED', details: { group: 0 } } });
});

it('says which task failed a group by its id and command line, also after a restart', () => {
  const bench = new Bench();
  const id = '01a2021c-3156-75b2-b0a6-0c0000000001';
  bench.join('c', 9);
  const [[, grant] = []] = grants(bench.submit([shell('false', { id }), shell('b', { group: 1 })]));
  bench.result('c', grant!, 1, 2);
  const story = `task ${id} failed: false`;
  expect(bench.turn().finish?.error?.message).toContain(story);
  expect(bench.restart().finish?.error?.message).toContain(story);
});

it('goes on to the next group after a failure with continueOnFailure', () => {
  const bench = new Bench({ continueOnFailure: true });
  bench.join('c', 9);
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b', { group: 1 })]));
  bench.result('c', grant!, 1, 2);
  expect(grants(bench.turn())[0]?.[3]).toEqual([2]);
});

it('stops at the first failure with failFast', () => {
  const bench = new Bench({ failFast: true });
  bench.join('c', 1);
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b')]));
  bench.result('c', grant!, 1, 2);
  expect(bench.turn().finish?.reason).toBe('failed');
});

it('waits before a first submission, then ends by itself when all is done', () => {
  const bench = new Bench();
  expect(bench.join('c').finish).toBeNull();
  const [[, grant] = []] = grants(bench.submit([shell('a')]));
  bench.feed({ type: 'submitter-done', connection: 's', submitter: 's' });
  expect(bench.turn().finish).toBeNull();
  bench.result('c', grant!, 1);
  expect(bench.turn().finish).toEqual({ reason: 'complete', error: null });
});

it('ends without a submission in restartMode once nothing is pending', () => {
  expect(new Bench({ restartMode: true }).turn().finish?.reason).toBe('complete');
});

it('does not end in foreverMode', () => {
  const bench = new Bench({ foreverMode: true });
  bench.submit([]);
  bench.feed({ type: 'submitter-done', connection: 's', submitter: 's' });
  expect(bench.turn().finish).toBeNull();
});

it('gives up a submitter that does not come back within reconnectGrace', () => {
  const bench = new Bench();
  bench.submit([]);
  bench.feed({ type: 'disconnected', connection: 's' });
  expect(bench.turn().finish).toBeNull();
  expect(bench.pass(1_900).finish).toBeNull();
  expect(bench.pass(600).finish?.reason).toBe('complete');
});

it('waits, when it was started again, for a submitter that was open, but no longer than reconnectGrace', () => {
  const bench = new Bench({ restartMode: true });
  bench.submit([shell('a')]);
  bench.feed({ type: 'cancel', numbers: [1], rows: [] });
  bench.turn();
  expect(bench.restart().finish).toBeNull();
  bench.submit([shell('b')], 2);
  expect(bench.core.counts.pending).toBe(1);
  bench.feed({ type: 'cancel', numbers: [2], rows: [] });
  bench.turn();
  expect(bench.restart().finish).toBeNull();
  expect(bench.pass(1_900).finish).toBeNull();
  expect(bench.pass(600).finish?.reason).toBe('complete');
});

it('does not wait for a submitter that had closed before it was started again', () => {
  const bench = new Bench({ restartMode: true, foreverMode: false });
  bench.submit([shell('a')]);
  bench.feed({ type: 'submitter-done', connection: 's', submitter: 's' });
  bench.feed({ type: 'cancel', numbers: [1], rows: [] });
  bench.turn();
  expect(bench.restart().finish?.reason).toBe('complete');
});

it('writes that a submitter closed with whatever comes next, not with a transaction of its own', () => {
  const bench = new Bench();
  bench.submit([shell('a')]);
  bench.feed({ type: 'submitter-done', connection: 's', submitter: 's' });
  expect(bench.turn().writes).toBeNull();
  expect(bench.submit([shell('b')], 1, 't').writes?.submitters).toMatchObject([
    { id: 's', open: false },
    { id: 't', open: true },
  ]);
});

it('drains: tells present and future clients, grants nothing more, ends when nobody holds anything', () => {
  const bench = new Bench();
  bench.join('c', 1);
  const [[, grant] = []] = grants(bench.submit([shell('a'), shell('b')]));
  bench.feed({ type: 'stop', drain: true });
  const turn = bench.turn();
  expect(sent(turn, 'c', 'drain')).toHaveLength(1);
  expect(turn.finish).toBeNull();
  expect(sent(bench.join('d', 1), 'd', 'drain')).toHaveLength(1);
  bench.result('c', grant!, 1);
  expect(bench.turn().finish).toEqual({ reason: 'stopped', error: null });
});

it('grants nothing while it is held, and says why', () => {
  const bench = new Bench();
  bench.feed({ type: 'hold', reason: 'paused' });
  bench.join('c');
  expect(grants(bench.submit([shell('a')]))).toEqual([]);
  expect(bench.core.holds()).toEqual(['paused']);
  bench.feed({ type: 'unhold', reason: 'paused' });
  expect(grants(bench.turn())).toHaveLength(1);
});
