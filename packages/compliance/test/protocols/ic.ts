import { both, first, never, on, set16, set32, set8, twice, u16, type Edit, type Sent } from './interposer.ts'
import type { Wrong } from './judge.ts'

/** Where the fields of a component's message stand in the payload (wire/06 §1, §2). */
const TYPE = 12
export const BODY = 28
const negotiation = (sent: Sent): boolean => u16(sent, TYPE) === 0
export const message = (sent: Sent): boolean => u16(sent, TYPE) !== 0
/** Any other than the type of the component. */
const OTHER_TYPE = 99

/** What any component's driver can do wrong. */
export const wrongAnswers = (): readonly Wrong[] => [
  ['never answers the negotiation', 'guest-ic-answer', on(negotiation, never)],
  [
    'answers the negotiation with a version that was not offered',
    'guest-ic-versions',
    on(negotiation, set16(BODY + 12, 9)),
  ],
  ['answers the negotiation with two versions', 'guest-ic-versions', on(negotiation, set16(BODY + 2, 2))],
  ['answers nothing but the negotiation', 'guest-ic-answer', on(message, never)],
  ['answers twice', 'guest-ic-answer', on(message, twice)],
  ['answers what the host drops', 'guest-ic-accepted', on(message, twice)],
  ['forgets the transaction id', 'guest-ic-answer', on(message, set8(24, 200))],
  ['answers with the request bit', 'guest-ic-flags', on(message, set8(25, 7))],
  ['answers without the transaction bit', 'guest-ic-flags', on(message, set8(25, 4))],
  ['answers for another component', 'guest-ic-echo', on(message, set16(TYPE, OTHER_TYPE))],
  ['answers with another version', 'guest-ic-echo', on(message, set16(14, 9))],
  ['answers in a pipe message that is not data', 'guest-ic-framing', on(message, set32(0, 2))],
  ['answers with a length beyond the packet', 'guest-ic-framing', on(message, set32(4, 0x4000))],
]

/** What any component's host can do wrong. */
export const wrongQuestions = (): readonly Wrong[] => [
  ['never negotiates', 'host-ic-negotiates', on(negotiation, never)],
  ['asks without waiting', 'host-ic-one', first(message, twice)],
  ['asks with another version', 'host-ic-versions', on(message, set16(14, 9))],
  ['asks for another component', 'host-ic-type', on(message, set16(TYPE, OTHER_TYPE))],
  ['asks without the request bit', 'host-ic-framing', on(message, set8(25, 1))],
  ['names no framework version', 'host-ic-offers', on(negotiation, set16(BODY, 0))],
  ['asks what the driver drops', 'host-ic-accepted', on(message, set16(TYPE, OTHER_TYPE))],
  ['names a length beyond the packet', 'host-ic-framing', on(message, set32(4, 0x4000))],
]

export const status = (value: number): Edit => on(message, set32(20, value))
export const body8 = (at: number, value: number): Edit => on(message, set8(BODY + at, value))
export const body32 = (at: number, value: number): Edit => on(message, set32(BODY + at, value))
/** The message announces a shorter body. */
export const shorter = (bytes: number): Edit => on(message, both(set16(18, bytes), set32(4, 20 + bytes)))
