/** The bytes of an object where they are: in memory, or in a file that may only be read. A directory's are a tar archive. */
export type Content = { readonly bytes: Uint8Array; readonly path: null } | { readonly bytes: null; readonly path: string };
