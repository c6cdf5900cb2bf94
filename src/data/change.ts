/**
 * What can be done to stored tasks beside running them, and to which: checked here, in the host, for a running server and for a file alike.
 */
import { MillraceError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { checkTags, isTagKey, tagKeyRule } from '../task/tags.ts';
import type { Tags } from '../task/task.ts';
import { type CheckedQuery, checkQuery, type TaskQuery } from './query.ts';

/** As it travels to the server. */
export type TaskChange =
  | { readonly kind: 'update'; readonly tags: Tags; readonly removeTags: readonly string[] }
  | { readonly kind: 'revert' | 'requeue' | 'delete' };

/** What `update` changes: tags that are set, and keys of tags that are taken away. At least one of both. */
export interface TaskUpdate {
  /** Added to the tags of each task; a tag of the same key is replaced. */
  tags?: Tags;
  /** Keys of tags to remove; one that a task does not have is passed over. */
  removeTags?: readonly string[];
}

const updateFields = ['tags', 'removeTags'] as const;

/**
 * Which tasks: a list of ids, or a query. Nothing at all is refused: what was forgotten must not mean everything.
 * @throws ERR_QUERY
 */
export function checkWhich(call: string, which: readonly string[] | TaskQuery): CheckedQuery {
  if (which === undefined || which === null)
    throw new MillraceError('ERR_QUERY', `${call}() takes a list of ids or a query; for all tasks that means ${call}({})`);
  return checkQuery(Array.isArray(which) ? { ids: which as readonly string[] } : (which as TaskQuery));
}

/**
 * What `update` is to do.
 * @throws ERR_TAG, ERR_OPTION, ERR_UNKNOWN_OPTION
 */
export function checkUpdate(update: TaskUpdate): TaskChange {
  if (typeof update !== 'object' || update === null)
    throw new MillraceError('ERR_OPTION', "update() takes what to change, as in { tags: { site: 'north' }, removeTags: ['old'] }");
  for (const name of Object.keys(update)) {
    if (!(updateFields as readonly string[]).includes(name))
      throw new MillraceError(
        'ERR_UNKNOWN_OPTION',
        `update() cannot change '${name.slice(0, 64)}', only tags.${didYouMean(name, updateFields)}`,
      );
  }
  const tags = update.tags === undefined ? {} : checkTags(update.tags);
  const removeTags: unknown = update.removeTags ?? [];
  if (!Array.isArray(removeTags)) throw new MillraceError('ERR_OPTION', 'removeTags must be a list of keys of tags');
  for (const key of removeTags as unknown[]) {
    if (typeof key !== 'string' || !isTagKey(key))
      throw new MillraceError('ERR_TAG', `removeTags: a key is ${tagKeyRule}; it is ${JSON.stringify(key)?.slice(0, 200)}`);
    if (Object.hasOwn(tags, key))
      throw new MillraceError('ERR_OPTION', `update() is to set the tag '${key}' and to remove it: say one of both`);
  }
  if (Object.keys(tags).length === 0 && removeTags.length === 0)
    throw new MillraceError('ERR_OPTION', 'update() has nothing to do: give tags or removeTags');
  return { kind: 'update', tags, removeTags: [...(removeTags as string[])] };
}
