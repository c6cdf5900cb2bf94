/** Net-ipc declares its index alone. */
declare module 'net-ipc/src/connection.js' {
  const Connection: unknown;
  export default Connection;
}
