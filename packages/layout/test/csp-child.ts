import { array, struct, u16, u32 } from '@vmbus/layout'

/** Run by csp.test.ts in a process without code generation. */
function thrown(call: () => unknown): string | false {
  try {
    call()
    return false
  } catch (error) {
    return error instanceof Error ? error.name : 'unknown'
  }
}

const fields = { type: u16, list: array(u32, 3) }
const layout = struct('message', fields)
const data = layout.toBytes({ type: 3, list: [1, 2] })
console.log(
  JSON.stringify({
    forbidden: thrown(() => new Function('return 1')) === 'EvalError',
    bytes: Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join(''),
    type: layout.parse(data).type,
    compiled: thrown(() => struct('message', fields, { codec: 'compiled' })),
  }),
)
