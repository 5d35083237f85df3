/** The host of real guests as it was built, which a thread loads without a compiler. */
export const HOST_MODULE: URL = new URL('../dist/real/host-module.js', import.meta.url)
