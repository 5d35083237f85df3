import type { HostDeviceDeps } from '@vmbus/core'

/** Sets when a timer fires, in 100 ns of reference time, and notes it in the state that is saved; Infinity clears it. */
export function setDeadline(
  { timers }: Pick<HostDeviceDeps, 'timers'>,
  state: { deadline: number },
  timer: string,
  at: number,
): void {
  state.deadline = at
  if (at === Infinity) timers.clear(timer)
  else timers.set(timer, at)
}
