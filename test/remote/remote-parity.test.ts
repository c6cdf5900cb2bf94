/**
 * The table of what Pyro's page on clients says is whole, and each row names a test that is there. That each of them ran and passed in the same
 * run is seen by `test/support/parity-reporter.ts`, which fails the run else.
 */
import { holdParityTable } from '../support/parity-suite.ts';
import { readParityTable } from '../support/parity-table.ts';

const rows = readParityTable(new URL('remote-parity.md', import.meta.url));

/** What the page says, in its order. */
const statements = [
  'a URI has the object name and the location',
  'fixed object names and fixed ports',
  'a URI object instead of a text',
  'a bad URI is refused',
  'logical names are kept in the name server',
  'the name server is found by itself',
  'PYRONAME looks the name up automatically',
  'usable everywhere where a normal URI is',
  'calls go through a proxy as if it was the object',
  'return values, and even exceptions',
  'every proxy has its own connection',
  'proxies are shared among threads on one connection',
  'the connection lives as long as the proxy',
  '_pyroRelease()',
  'the with statement releases, also after an error',
  'a disconnected proxy reconnects when it is needed',
  'normal calls wait for their response',
  '_pyroOneway.add and update',
  'the set is empty by default',
  'the client goes on while the object is busy',
  'the return value is always None',
  'no errors, not even of a method that is not there',
  'ONEWAY_THREADED',
  'calls are gathered and sent as one',
  'batch(proxy) or proxy._pyroBatch()',
  'results of every call, in order',
  'oneway=True gives None immediately',
  'async=True gives an asynchronous result',
  'an error stands in the place of its call',
  'async(proxy) or proxy._pyroAsync()',
  'value waits for the value',
  'ready',
  'wait(timeout) is False when it expires',
  'then(callable, *args) adds to the chain',
  'the chain is invoked one after the other',
  'batches asynchronously too',
  'the same for normal callables',
  'the object in the server calls one in the client',
  'a client that waits cannot answer',
  'an exception is returned to the server',
  '@callback raises it locally too',
  'exceptions are handled as normal ones',
  'the hierarchy of errors',
  'the remote traceback',
  'by default it waits for ever',
  'COMMTIMEOUT for all',
  '_pyroTimeout of one proxy',
  'ConnectionClosedError when it is lost',
  '_pyroReconnect(tries)',
  'it needs the same URI as before',
  'one lock prevents parallelism',
  'copy.copy(proxy)',
  'a new proxy from the URI of the old one',
  'pass the URI to the thread',
];

holdParityTable(rows, statements);
