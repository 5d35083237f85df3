/** Options as their shape sees them: each may be left out, or be undefined. */
export type Given<T> = { readonly [K in keyof T]-?: T[K] | undefined }
