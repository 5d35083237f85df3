/** Looked at by src/check.ts before anything takes a value from it. */
declare const data: unknown
export default data
