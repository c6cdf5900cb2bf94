/** What tests of programs and of further adapters use: virtual time, seeded chance, and a whole system under a seeded adversary. */
export { VirtualClock, type VirtualClockOptions } from './clock.ts';
export { Random } from './random.ts';
export { type Report, type SimulationOptions, simulate } from './simulation.ts';
export { type Fault, faults, type Mutation, mutations } from './world.ts';
