/** Words of a line by `{[i]}` and `{[from:to:step]}`: the rules of Python's slices, negatives count from the end. */
import { MillraceError } from '../base/errors.ts';

/** A compiled slice; `index` alone, or a range whose open ends are null. */
export type Slice =
  | { readonly kind: 'index'; readonly index: number; readonly text: string }
  | { readonly kind: 'range'; readonly from: number | null; readonly to: number | null; readonly step: number };

const form = /^ *(-?\d{1,9})? *(?:(:) *(-?\d{1,9})? *(?:: *(-?\d{1,9})? *)?)?$/;

/**
 * What stands between the brackets; null when it is no slice.
 * @param place Where it stands, for the message.
 * @throws ERR_TEMPLATE for a step of 0
 */
export function compileSlice(text: string, place: () => string): Slice | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [, first, colon, to, step] = match;
  if (colon === undefined) return first === undefined ? null : { kind: 'index', index: Number(first), text: first };
  if (step !== undefined && Number(step) === 0)
    throw new MillraceError('ERR_TEMPLATE', `{[${text}]} at ${place()} has a step of 0; use another step`);
  return {
    kind: 'range',
    from: first === undefined ? null : Number(first),
    to: to === undefined ? null : Number(to),
    step: step === undefined ? 1 : Number(step),
  };
}

/**
 * The words of a line that a slice names, joined by single blanks.
 * @throws ERR_TEMPLATE where a single word is asked for that the line does not have
 */
export function sliceWords(line: string, slice: Slice): string {
  const words = line.split(/\s+/).filter((word) => word !== '');
  if (slice.kind === 'index') {
    const word = words.at(slice.index);
    if (word !== undefined) return word;
    const count = words.length === 1 ? '1 word' : `${words.length} words`;
    throw new MillraceError('ERR_TEMPLATE', `{[${slice.text}]} asks for a word that the line does not have (it has ${count})`);
  }
  const { from, to, step } = slice;
  const first = step > 0 ? 0 : -1;
  const last = step > 0 ? words.length : words.length - 1;
  const place = (index: number): number => Math.min(Math.max(index < 0 ? index + words.length : index, first), last);
  const start = from === null ? (step > 0 ? first : last) : place(from);
  const end = to === null ? (step > 0 ? last : first) : place(to);
  const chosen: string[] = [];
  for (let i = start; step > 0 ? i < end : i > end; i += step) chosen.push(words[i]!);
  return chosen.join(' ');
}
