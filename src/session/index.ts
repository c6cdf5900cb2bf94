/** Task graphs with data objects: sessions, their tasks, and what runs inside of them. The door `millrace/graph`. */
export type { Address } from '../base/address.ts';
export { type ErrorCode, MillraceError } from '../base/errors.ts';
export type { GraphProgress } from '../protocol/graph-views.ts';
export type { Duration, Size } from '../task/task.ts';
export type { RemoteInputs } from './argument-inputs.ts';
export type { DataType, ObjectInfo, ObjectSpec, TaskInfo, TaskInput, TaskSpec, UserAttributes } from './attributes.ts';
export { type BlobOptions, blob, type ConstantOptions, directory, json, pickled } from './blob.ts';
export { Client, type GovernorInfo, type PersistentSession, type ServerInfo, type SessionOptions } from './client.ts';
export { Context } from './context.ts';
export { DataInstance } from './data-instance.ts';
export { DataObject } from './data-object.ts';
export { Graph } from './drawing.ts';
export {
  RainException,
  RainException as MillraceGraphError,
  RainWarning,
  SessionException,
  SessionException as MillraceSessionError,
  TaskException,
  TaskException as MillraceTaskError,
  type TaskFailure,
} from './exceptions.ts';
export type { ExecuteArgument, ExecuteOptions } from './execute.ts';
export { ID } from './id.ts';
export {
  Input,
  InputBase,
  InputDir,
  type InputOptions,
  Output,
  OutputBase,
  OutputDir,
  type OutputOptions,
} from './input-output.ts';
export type { Item } from './items.ts';
export { LabeledList } from './labeled-list.ts';
export type { WaitOptions } from './options.ts';
export { Program, type ProgramInputs, type ProgramOptions } from './program.ts';
export type { ObjectState, TaskState } from './records.ts';
export { type Remote, type RemoteCallOptions, type RemoteOptions, type RemoteOutputs, remote } from './remote.ts';
export { getActiveSession, Session } from './session.ts';
export type { OnFailure } from './session-home.ts';
export {
  type BareTaskOptions,
  type DataLike,
  Task,
  type TaskInputLike,
  type TaskOptions,
  toDataObject,
} from './task.ts';
export type { TaskOutputsLike } from './task-records.ts';
export { type DirectoryContents, type OneOutputOptions, type Tasks, tasks } from './tasks.ts';
