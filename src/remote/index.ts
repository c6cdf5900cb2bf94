/** Remote objects: what one thread or machine registers, others call as if it was theirs. The door `millrace/remote`. */
export type { Address } from '../base/address.ts';
export { type ErrorCode, MillraceError } from '../base/errors.ts';
export type { Duration } from '../task/task.ts';
export { type Batch, type BatchOptions, BatchResults, batch, type Later } from './batch.ts';
export type { Remote } from './caller.ts';
export { control, type ProxyControl, release } from './control.ts';
export { type CurrentCall, currentCall } from './current-call.ts';
export { Daemon, type DaemonOptions, type RegisterOptions } from './daemon.ts';
export { callback, expose, oneway } from './decorators.ts';
export { remoteTraceback } from './error-nodes.ts';
export {
  CommunicationError,
  ConnectionClosedError,
  DaemonError,
  MessageTooLargeError,
  NamingError,
  ProtocolError,
  PyroError,
  type RemoteErrorOptions,
  SecurityError,
  SerializeError,
  TimeoutError,
} from './errors.ts';
export type { ExposeOptions } from './exposure.ts';
export { type Asynchronous, asynchronous, asynchronous as async, type Future, FutureResult, future } from './future.ts';
export type { HostDaemon, HostedOptions } from './host-daemon.ts';
export type { InstanceMode } from './instances.ts';
export { locateNS, type NameListFilter, NameServer, serveNames } from './name-server.ts';
export type { SharedRemoteOptions } from './options.ts';
export { type Pipeline, type Pipelined, pipelined } from './pipeline.ts';
export { bounded, type CallOptions, configureRemote, type ProxyOptions, proxy } from './proxy.ts';
export { PyroDaemon, type PyroDaemonOptions, type PyroRegisterOptions } from './pyro/daemon.ts';
export { PythonError } from './pyro/exceptions.ts';
export { type Kwargs, kwargs } from './pyro/kwargs.ts';
export type { PyroNameServer } from './pyro/name-server.ts';
export type { PyroSettings } from './pyro/settings.ts';
export type { PyroStream } from './pyro/stream.ts';
export { RemoteStream } from './stream-reader.ts';
export { byReference } from './target.ts';
export { URI, type URIProtocol } from './uri.ts';
export type { Classes } from './values.ts';
