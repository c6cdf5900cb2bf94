/** A service of gRPC without a file of protocol buffers: numbers as JSON, bytes as they are. */
const json = { write: (value) => Buffer.from(JSON.stringify(value)), read: (bytes) => JSON.parse(bytes.toString()) };
const raw = { write: (value) => value, read: (bytes) => bytes };

const unary = (path, request, response) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: request.write,
  requestDeserialize: request.read,
  responseSerialize: response.write,
  responseDeserialize: response.read,
});

export const service = { add: unary('/Calculator/Add', json, json), size: unary('/Calculator/Size', raw, json) };
