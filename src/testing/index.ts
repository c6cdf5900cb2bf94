/** What tests of programs and of further adapters use: virtual time, seeded chance, and a whole system under a seeded adversary. */
export { BrokenPromise, type PromiseName, promises } from './broken.ts';
export { VirtualClock, type VirtualClockOptions } from './clock.ts';
export { SimulationFailure } from './failure.ts';
export { type Mutation, mutations } from './mutations.ts';
export { type Simplification, type SimulationOptions, simplifications } from './options.ts';
export { Random } from './random.ts';
export { type ScaleMoment, type ScaleOptions, type ScaleReport, simulateScale } from './scale.ts';
export { type ShrinkOptions, type Shrunk, shrink } from './shrink.ts';
export { type Report, simulate } from './simulation.ts';
export { type Fault, faults } from './world.ts';
