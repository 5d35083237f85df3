import { heartbeat } from '@vmbus/heartbeat'
import { shutdown } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import { add32, first, later, never, on, set32, set8 } from './interposer.ts'
import { BODY, body32, body8, message, shorter, status, wrongAnswers, wrongQuestions } from './ic.ts'
import { judge } from './judge.ts'

const E_FAIL = 0x8000_4005

judge({
  kind: 'heartbeat',
  device: () => heartbeat({}),
  driver: () => heartbeat.driver({}),
  drivers: () => [
    ...wrongAnswers(),
    ['adds 77 to the number', 'guest-heartbeat-sequence', on(message, add32(BODY, 76))],
    ['gives a number that the host refuses', 'guest-heartbeat-accepted', on(message, add32(BODY, 5))],
    ['gives the number back', 'guest-heartbeat-sequence', on(message, add32(BODY, -1))],
    ['answers the first beat only', 'guest-ic-answer', later(message, never)],
    ['fails the beat', 'guest-heartbeat-status', status(E_FAIL)],
    ['tells an application state that there is not', 'guest-heartbeat-state', body32(8, 4)],
    ['writes behind the state', 'guest-heartbeat-state', body8(20, 1)],
    ['counts no beat right', 'guest-heartbeat-serves', body32(0, 0x1234_5678)],
  ],
  devices: () => [
    ...wrongQuestions(),
    ['never beats', 'host-heartbeat-serves', on(message, never)],
    ['beats once', 'host-heartbeat-goes-on', later(message, never)],
    ['counts down', 'host-heartbeat-sequence', first(message, set32(BODY, 0x7000_0000))],
    ['beats with a number alone', 'host-heartbeat-body', shorter(8)],
  ],
})

judge({
  kind: 'timesync',
  device: () => timesync({}),
  driver: () => timesync.driver({ clock: { set() {}, discipline() {}, now: () => 0n } }),
  drivers: () => [
    ...wrongAnswers(),
    ['fails each message', 'guest-timesync-status', status(E_FAIL)],
    ['refuses the parameter', 'guest-timesync-status', status(0x8007_0057)],
    ['gives another time back', 'guest-timesync-echo', body32(0, 0)],
    ['changes the flags', 'guest-timesync-echo', body8(16, 9)],
    ['answers the first message only', 'guest-ic-answer', later(message, never)],
    ['takes no time', 'guest-timesync-serves', status(E_FAIL)],
  ],
  devices: () => [
    ...wrongQuestions(),
    ['never tells the time', 'host-timesync-serves', on(message, never)],
    ['tells the time once', 'host-timesync-goes-on', later(message, never)],
    ['begins with a sample', 'host-timesync-first', first(message, set8(BODY + 16, 2))],
    ['sends flags that there are not', 'host-timesync-flags', body8(16, 5)],
    ['sends the older form', 'host-timesync-form', shorter(20)],
    ['stands still', 'host-timesync-times', later(message, set32(BODY, 0))],
    ['has a reference time of its own', 'host-timesync-times', later(message, add32(BODY + 8, 50_000))],
  ],
})

judge({
  kind: 'shutdown',
  device: () => shutdown({}),
  driver: () => shutdown.driver({ act() {} }),
  drivers: () => [
    ...wrongAnswers(),
    ['refuses', 'guest-shutdown-status', status(E_FAIL)],
    ['says that it cannot', 'guest-shutdown-status', status(0x8007_0032)],
    ['changes the reason', 'guest-shutdown-echo', body32(0, 0)],
    ['changes the text', 'guest-shutdown-echo', body8(12, 0x41)],
    ['never agrees', 'guest-shutdown-serves', on(message, never)],
  ],
  devices: () => [
    ...wrongQuestions(),
    ['never asks', 'host-shutdown-serves', on(message, never)],
    ['asks with a shorter message', 'host-shutdown-body', shorter(12)],
    ['asks for restart and hibernation', 'host-shutdown-flags', body32(8, 6)],
    ['asks for what there is not', 'host-shutdown-flags', body32(8, 8)],
    [
      'sends a text without end',
      'host-shutdown-text',
      on(message, (sent) => [{ ...sent, payload: sent.payload.fill(0x41, BODY + 12) }]),
    ],
  ],
})
