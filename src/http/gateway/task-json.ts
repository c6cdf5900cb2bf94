/** Tasks as JSON: output as text where it is one, else as base64 under another name; values of functions as far as JSON can say them. */
import { Buffer, isUtf8 } from 'node:buffer';
import type { RunningOutput } from '../../protocol/running-output.ts';

const streams = ['stdout', 'stderr'] as const;

/** `output`: with output and value, which a list leaves out: a page of it may have a thousand tasks. What is `undefined` is not in the JSON. */
export function taskJson(given: object, output: boolean): Record<string, unknown> {
  const shown: Record<string, unknown> = { ...given };
  for (const name of streams) {
    const bytes = shown[name];
    shown[name] = undefined;
    if (!output || !(bytes instanceof Uint8Array)) continue;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (isUtf8(buffer)) shown[name] = buffer.toString('utf8');
    else shown[`${name}Base64`] = buffer.toString('base64');
  }
  shown.value = output && shown.value !== undefined ? plain(shown.value) : undefined;
  return shown;
}

/** Of a running task; a stream that is not kept is left out. */
export function outputJson({ stdout, stderr }: RunningOutput): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  const cut: string[] = [];
  for (const [name, stream] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const) {
    if (stream === null) continue;
    if (typeof stream.content === 'string') shown[name] = stream.content;
    else shown[`${name}Base64`] = Buffer.from(stream.content).toString('base64');
    if (stream.cut) cut.push(name);
  }
  return { ...shown, cut };
}

/** What JSON has no word for becomes a text, or is left out as JSON does. */
function plain(value: unknown): unknown {
  try {
    const text = JSON.stringify(value, (_key, one: unknown) => {
      if (typeof one === 'bigint') return String(one);
      if (one instanceof Map) return Object.fromEntries(one);
      return one instanceof Set ? [...one] : one;
    });
    return text === undefined ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
}
