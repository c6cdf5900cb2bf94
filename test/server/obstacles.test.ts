import { describe, expect, it } from 'vitest';
import { CoreClient } from '../../src/server/core/entities.ts';
import { LimitUnit } from '../../src/server/core/kind.ts';
import { limitReasons, placementReasons } from '../../src/server/obstacles.ts';

function client(cores: number | null, resources: Record<string, number> = {}, endsAt: number | null = null): CoreClient {
  const made = new CoreClient(1, 'c', 'host', { slots: 1, cores, memory: null, resources, tags: {} }, 0);
  made.endsAt = endsAt;
  return made;
}

describe('why no client can hold a task', () => {
  it('names what it asks for and the most that a client has', () => {
    expect(placementReasons([client(2), client(4)], { cores: 8, memory: 100 }, 0)).toEqual([
      'it asks for 8 cores, 100 bytes of memory; no connected client has that: the most that one has is 4 cores',
    ]);
    expect(placementReasons([client(2)], { resources: { gpu: 1 } }, 0).join()).toContain('the most that one has is 0 gpu');
  });

  it('says so when each of it is there, but nowhere together', () => {
    expect(placementReasons([client(8), client(1, { gpu: 1 })], { cores: 4, resources: { gpu: 1 } }, 0).join()).toContain(
      'has that together',
    );
  });

  it('tells a task that runs too long for what is left of the clients’ time from one that is too large', () => {
    const reasons = placementReasons([client(8, {}, 30_000), client(1)], { cores: 4, timeout: 60_000 }, 10_000);
    expect(reasons.join()).toMatch(/may run for 60000 ms .* large enough has more than 20000 ms left/);
  });

  it('is nothing when one can, or none is there', () => {
    expect(placementReasons([client(1), client(8)], { cores: 4 }, 0)).toEqual([]);
    expect(placementReasons([], { cores: 4 }, 0)).toEqual([]);
    expect(placementReasons([client(1)], null, 0)).toEqual([]);
  });
});

describe('which limit stops a task', () => {
  it('says how many of its value are leased', () => {
    const unit = new LimitUnit({ key: 'tenant', concurrency: 1, rate: null }, 'a', 0);
    expect(limitReasons([unit], 0)).toEqual([]);
    unit.lease(client(1), 0);
    expect(limitReasons([unit], 0)).toEqual(['the limit on tenant "a" is reached: 1 leased, at most 1 at a time']);
  });

  it('says when the next one may start', () => {
    const unit = new LimitUnit({ key: 'tenant', concurrency: null, rate: { starts: 6, per: 60_000 } }, 7, 0);
    unit.lease(client(1), 0);
    expect(limitReasons([unit], 2_500)).toEqual(['the limit on tenant 7 lets 6 start in 60000 ms: the next one in 7500 ms']);
  });
});
