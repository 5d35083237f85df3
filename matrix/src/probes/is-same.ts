/** Not `every`: a call for each byte that was read was a third of what the probe of TRIM takes. */
export const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
