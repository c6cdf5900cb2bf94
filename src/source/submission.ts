/** From the checked options of a submission to those of the pump that reads its source. */
import type { SubmitConfig } from '../config/submit-options.ts';
import type { PumpOptions } from './pump.ts';

export function pumpOptions(config: SubmitConfig): PumpOptions {
  const { bundlesize, bundlewait, template, attributes, contentKeys, strict } = config;
  return { bundlesize, bundlewait, template, defaults: attributes, contentKeys, strict };
}
