import { bench, do_not_optimize, run, summary } from 'mitata'
import { struct, u16, u64, u64n } from '@vmbus/layout'

/** The 16-byte packet descriptor, `struct vmpacket_descriptor` of Linux include/linux/hyperv.h. */
const fields = { type: u16, offset8: u16, len8: u16, flags: u16, trans_id: u64n }
const compiled = struct('vmpacket_descriptor', fields, { size: 16, codec: 'compiled' })
const interpreted = struct('vmpacket_descriptor', fields, { size: 16, codec: 'interpreted' })
const bigint = struct('vmpacket_descriptor', { ...fields, trans_id: u64 }, { size: 16, codec: 'compiled' })

interface Descriptor {
  type: number
  offset8: number
  len8: number
  flags: number
  trans_id: number
}

function decodeByHand(view: DataView, offset: number): Descriptor {
  return {
    type: view.getUint16(offset, true),
    offset8: view.getUint16(offset + 2, true),
    len8: view.getUint16(offset + 4, true),
    flags: view.getUint16(offset + 6, true),
    trans_id: view.getUint32(offset + 12, true) * 0x1_0000_0000 + view.getUint32(offset + 8, true),
  }
}

function encodeByHand(value: Descriptor, view: DataView, offset: number): void {
  view.setUint16(offset, value.type, true)
  view.setUint16(offset + 2, value.offset8, true)
  view.setUint16(offset + 4, value.len8, true)
  view.setUint16(offset + 6, value.flags, true)
  view.setUint32(offset + 8, value.trans_id, true)
  view.setUint32(offset + 12, Math.floor(value.trans_id / 0x1_0000_0000), true)
}

const LENGTH = 4096
const view = new DataView(new ArrayBuffer(LENGTH))
const value: Descriptor = { type: 6, offset8: 2, len8: 20, flags: 1, trans_id: 0x12_3456_789a }
for (let offset = 0; offset < LENGTH; offset += 16)
  compiled.encode({ ...value, trans_id: offset * 0x1_0000_0001 }, view, offset)
let at = 0
const next = (): number => (at = (at + 16) & (LENGTH - 1))

summary(() => {
  bench('decode: by hand', () => do_not_optimize(decodeByHand(view, next()))).baseline(true)
  bench('decode: compiled', () => do_not_optimize(compiled.decode(view, next())))
  bench('decode: compiled, u64 as bigint', () => do_not_optimize(bigint.decode(view, next())))
  bench('decode: interpreted', () => do_not_optimize(interpreted.decode(view, next())))
})
summary(() => {
  bench('encode: by hand', () => encodeByHand(value, view, next())).baseline(true)
  bench('encode: compiled', () => compiled.encode(value, view, next()))
  bench('encode: compiled, checked', () => compiled.encodeChecked(value, view, next()))
  bench('encode: interpreted', () => interpreted.encode(value, view, next()))
})
summary(() => {
  bench('one field: by hand', () => do_not_optimize(view.getUint16(next() + 4, true))).baseline(true)
  bench('one field: read.len8', () => do_not_optimize(compiled.read.len8(view, next())))
})
bench('define and compile', () => do_not_optimize(struct('vmpacket_descriptor', fields)))
await run()
