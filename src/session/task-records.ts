/** What a task is made of beside its inputs, checked when it is made: the records of its outputs, and what it is told. */
import { encodeValue } from '../task/value.ts';
import { checkLabel } from './blob.ts';
import { RainException } from './exceptions.ts';
import { OutputBase } from './input-output.ts';
import { type Home, ObjectRecord } from './records.ts';

/** Of `config`, encoded (bytes): it travels inside of a message, beside others. */
const largestConfig = 2 ** 20;

/** How many outputs, or the label or description of each; null: none. */
export type TaskOutputsLike = null | number | Iterable<string | OutputBase>;

/** @throws RainException, ERR_NOT_CLONEABLE */
export function encodedConfig(config: unknown): string | Uint8Array {
  const encoded = encodeValue(config, 'config');
  if (encoded.length > largestConfig)
    throw new RainException(
      `the config of a task has ${encoded.length} bytes encoded, more than ${largestConfig}: make a blob() or pickled() of what is large, and an input of that`,
    );
  return encoded;
}

/** @throws RainException */
export function outputRecords(outputs: TaskOutputsLike, home: Home): ObjectRecord[] {
  if (outputs === null) return [];
  if (typeof outputs === 'number') {
    if (!Number.isSafeInteger(outputs) || outputs < 0 || outputs > 100_000)
      throw new RainException(`a task cannot have ${outputs} outputs`);
    return Array.from({ length: outputs }, (_, at) => outputRecord(home, outputs === 1 ? 'output' : `out${at}`, null));
  }
  if (typeof outputs !== 'object' || !(Symbol.iterator in outputs))
    throw new RainException('the outputs of a task are null, a number, or a list of labels and Outputs');
  const records = Array.from(outputs, (given: unknown, at) => {
    if (typeof given === 'string') return outputRecord(home, checkLabel(given), null);
    if (given instanceof OutputBase) return outputRecord(home, checkLabel(given.label ?? `out${at}`), given);
    throw new RainException(`an output is a label, an Output or an OutputDir, not ${typeof given}`);
  });
  const labels = new Set<string>();
  for (const { label } of records) {
    if (labels.has(label)) throw new RainException(`two outputs have the label '${label}'`);
    labels.add(label);
  }
  return records;
}

function outputRecord(home: Home, label: string, output: OutputBase | null): ObjectRecord {
  return new ObjectRecord(home, {
    label,
    dataType: output?.dataType ?? 'blob',
    contentType: output?.contentType ?? null,
    bytes: null,
    isConstant: false,
  });
}
