import { describe, expect, it } from 'vitest'
import { array, at, bits, bytes, guid, pad, struct, u16, u32, u64, u8 } from '@vmbus/layout'
import { findings } from './findings.ts'
import { readReference, type Reference } from './reference.ts'

const reference = readReference()

const header = struct('vmbus_channel_message_header', { msgtype: u32, padding: u32 })
const open = {
  header,
  child_relid: u32,
  openid: u32,
  ringbuffer_gpadlhandle: u32,
  target_vp: u32,
  downstream_ringbuffer_pageoffset: u32,
  userdata: bytes(120),
}
const name = 'vmbus_channel_open_channel'

describe('an entry with our layout', () => {
  it('holds for the real one', () => {
    expect(findings(reference, name, { layout: struct(name, open) })).toEqual([])
  })

  it('fails by size', () => {
    expect(findings(reference, name, { layout: struct(name, { ...open, more: u8 }) })).toEqual([
      'size is 149, the reference has 148',
    ])
  })

  it('fails by offset', () => {
    const layout = struct(name, {
      ...open,
      child_relid: at(12, u32),
      openid: at(8, u32),
      ringbuffer_gpadlhandle: at(16, u32),
    })
    const found = findings(reference, name, { layout })
    expect(found).toEqual([
      'child_relid is at bit 96 for 32 bits, the reference has 64 for 32',
      'openid is at bit 64 for 32 bits, the reference has 96 for 32',
    ])
  })

  it('fails by a missing field, unless it has another name with us', () => {
    const { target_vp: target_vcpu, ...others } = open
    const layout = struct(name, {
      ...others,
      downstream_ringbuffer_pageoffset: at(24, u32),
      target_vcpu: at(20, target_vcpu),
      userdata: at(28, bytes(120)),
    })
    expect(findings(reference, name, { layout })).toEqual(['no field for target_vp (offset 20, size 4)'])
    expect(findings(reference, name, { layout, rename: { target_vcpu: 'target_vp' } })).toEqual([])
    expect(findings(reference, name, { layout: struct(name, open), rename: { vp: 'nowhere' } })).toEqual([
      'rename of vp, which our layout does not have',
      'rename to nowhere, which the reference does not have',
    ])
  })

  it('takes exceptions with a reason, and no idle ones', () => {
    const layout = struct(name, { ...open, more: u8 })
    expect(findings(reference, name, { layout, except: { size: 'with one byte of ours' } })).toEqual([])
    expect(findings(reference, name, { layout: struct(name, open), except: { openid: 'no reason at all' } })).toEqual([
      'idle exception: openid',
    ])
  })

  it('compares from an offset on, in both directions', () => {
    const { header: _header, ...body } = open
    expect(findings(reference, name, { layout: struct(name, body), at: -8 })).toEqual([])
    expect(
      findings(reference, 'openvmm:vmbus.vmbus_core.protocol::GpadlTorndown', {
        layout: struct('s', { header, gpadl_id: u32 }),
        at: 8,
      }),
    ).toEqual([])
    expect(findings(reference, name, { layout: struct(name, body) })).toContain('size is 140, the reference has 148')
  })

  it('compares bit fields, and lets a word stand for them', () => {
    const fields = {
      message_type: u32,
      payload_size: u8,
      message_flags: bits(u8, { msg_pending: 1 }),
      _1: pad(2),
      sender: u64,
    }
    expect(findings(reference, 'hv_message_header', { layout: struct('hv_message_header', fields) })).toEqual([])
    const flags = 'hv_message_flags'
    expect(findings(reference, flags, { layout: struct(flags, { asu8: u8 }) })).toEqual([])
    expect(findings(reference, flags, { layout: struct(flags, { value: u8 }) })).toEqual([
      'no field of our layout has a name of the reference',
    ])
    const wrong = struct(flags, { word: bits(u8, { _0: 1, pending: 1 }) })
    expect(findings(reference, flags, { layout: wrong, rename: { 'word.pending': 'msg_pending' } })).toEqual([
      'msg_pending is at bit 1 for 1 bits, the reference has 0 for 1',
    ])
  })

  it('finds fields by spelling, and flat ones by the end of their path', () => {
    const flat = { msgtype: u32, padding: u32, childRelid: u32, GPADL: u32 }
    const torndown = { msgtype: u32, _p: u32, gpadl: u32 }
    expect(findings(reference, 'vmbus_channel_gpadl_torndown', { layout: struct('s', torndown) })).toEqual([])
    expect(findings(reference, 'vmbus_channel_gpadl_teardown', { layout: struct('s', flat) })).toEqual([])
    expect(
      findings(reference, 'vmbus_channel_gpadl_teardown', {
        layout: struct('s', { ...flat, childRelid: at(12, u32), GPADL: at(8, u32) }),
      }),
    ).toHaveLength(2)
    const { msgtype: _msgtype, ...untyped } = flat
    expect(
      findings(reference, 'vmbus_channel_gpadl_teardown', { layout: struct('s', { _0: u32, ...untyped }) }),
    ).toEqual(['no field for header.msgtype (offset 0, size 4)'])
  })

  it('asks for every field that is no union alternative and no filler', () => {
    const offer = struct('vmbus_channel_offer', {
      if_type: guid,
      if_instance: guid,
      reserved: array(u64, 2),
      chn_flags: u16,
      mmio_megabytes: u16,
      user_def: bytes(120),
      sub_channel_index: u16,
      _reserved: u16,
    })
    expect(findings(reference, 'vmbus_channel_offer', { layout: offer })).toEqual([])
  })
})

describe('an entry that is the same as another', () => {
  it('fails when a place differs, whatever the names', () => {
    expect(findings(reference, 'dpdk:vmbus_chanmsg_chopen', { sameAs: name })).toEqual([])
    expect(findings(reference, 'dpdk:vmbus_chanmsg_gpadl_disconn', { sameAs: 'vmbus_channel_close_channel' })).toEqual([
      'size is 16, vmbus_channel_close_channel has 12',
      'gpadl (bit 96 for 32 bits) is not in vmbus_channel_close_channel',
    ])
    expect(findings(reference, name, { sameAs: 'nothing' })).toEqual([
      'same as nothing, which the reference does not have',
    ])
  })

  it('may be a part of it', () => {
    const flags = 'openvmm:hyperv_ic_protocol::HeaderFlags'
    expect(findings(reference, flags, { sameAs: 'icmsg_hdr', at: 17, part: true })).toEqual([])
    expect(findings(reference, flags, { sameAs: 'icmsg_hdr', at: 20, part: true })).toHaveLength(4)
    expect(findings(reference, flags, { sameAs: 'icmsg_hdr', at: 17 })).toContain('size is 1 at 17, icmsg_hdr has 20')
  })

  it('distinguishes two words from one, but not bits from their word', () => {
    const field = (fieldName: string, offset: number, size: number) => ({ name: fieldName, offset, size, type: 'u' })
    const small: Reference = {
      words: { size: 8, source: '', fields: [field('a', 0, 4), field('b', 4, 4)] },
      whole: { size: 8, source: '', fields: [field('a', 0, 8)] },
      bits: { size: 8, source: '', fields: [{ ...field('a', 0, 4), bit_offset: 0, bits: 3 }, field('b', 4, 4)] },
    }
    expect(findings(small, 'words', { sameAs: 'whole' })).toHaveLength(3)
    expect(findings(small, 'bits', { sameAs: 'words' })).toEqual([])
    expect(findings(small, 'words', { sameAs: 'bits' })).toEqual([])
  })
})

it('an entry for a disagreement names a section', () => {
  expect(findings(reference, name, { disagrees: 'wire/06 §10.1' })).toEqual([])
  expect(findings(reference, name, { disagrees: 'somewhere' })).toHaveLength(1)
  expect(findings(reference, 'nothing', { notBuilt: 'pci' })).toEqual(['the reference does not have it'])
})
