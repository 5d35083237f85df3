/** What ends a signed module (Linux include/linux/module_signature.h, MODULE_SIG_STRING). */
const MARKER = Buffer.from('~Module signature appended~\n', 'latin1')
/** struct module_signature, whose last four bytes, big-endian, are the length of the signature before it. */
const TRAILER_LENGTH = 12

/**
 * The module without the signature that follows it. A kernel cuts it off as well before it looks at the module (kernel/module,
 * module_sig_check), but hashes all of the module for it first: 46 % of what loading costs in an emulator (6.1, drivers and
 * ext4). Our guests have no certificates to hold it against (DEFAULT_CMDLINE), so either way it is a module that nobody vouches
 * for. One that says something impossible of its length is left as it is.
 */
export function withoutSignature(module: Uint8Array): Uint8Array {
  const end = module.length - MARKER.length
  const trailer = end - TRAILER_LENGTH
  if (trailer < 0 || !MARKER.equals(module.subarray(end))) return module
  const length = new DataView(module.buffer, module.byteOffset).getUint32(end - 4)
  return length <= trailer ? module.subarray(0, trailer - length) : module
}
