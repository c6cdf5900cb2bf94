/** `millrace/http`: requests to other servers, and what a server needs to be one of them: errors that bubble, signatures and tokens that are checked. */
export type {
  HttpClientOptions,
  HttpPoolOptions,
  HttpRequestOptions,
  QueryValue,
  SignatureVerifierOptions,
  WaitUnorderedOptions,
} from '../config/http-options.ts';
export {
  type AuthenticationHeaders,
  type AuthenticationRequest,
  type Authenticator,
  type AuthenticatorFunction,
  type LoginKey,
  TokenIdentifier,
} from './authenticators.ts';
export { Client } from './client.ts';
export { type ErrorAnswer, type ErrorBody, type ErrorBodyOptions, errorAnswer, errorBody } from './error-body.ts';
export type { RouteHandler, RouteRequest, Router } from './gateway/route.ts';
export { HTTPError } from './http-error.ts';
export type { Host } from './origin.ts';
export { PendingRequest } from './pending-request.ts';
export { ClientPool } from './pool.ts';
export { Request } from './request.ts';
export { Response, type ResponseHeaders } from './response.ts';
export { type KeySource, SignatureVerifier } from './signature-verifier.ts';
export type { Frame } from './stack-frames.ts';
export { hashToken, TokenVerifier } from './token-verifier.ts';
export type { ReceivedRequest, Verdict } from './verdict.ts';
