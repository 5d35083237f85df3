import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { array, guid, struct, u16, u32, type StructOptions } from '@vmbus/layout'

const define = (options: StructOptions) => struct('message', { type: u16, list: array(u32, 10), id: guid }, options)

describe('where code generation is forbidden', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('interprets, unless told to compile', () => {
    const refused = vi.fn<() => never>(function () {
      throw new EvalError('Code generation from strings disallowed for this context')
    })
    const compiled = define({}).toBytes({ type: 3, list: [1, 2] })
    vi.stubGlobal('Function', refused)
    const layout = define({})
    expect(refused).toHaveBeenCalledOnce()
    expect(layout.toBytes({ type: 3, list: [1, 2] })).toEqual(compiled)
    expect(() => define({ codec: 'compiled' })).toThrow(EvalError)
    expect(define({ codec: 'interpreted' }).parse(compiled).type).toBe(3)
    expect(refused).toHaveBeenCalledTimes(2)
  })

  it('does so in a process that forbids it', async () => {
    const script = fileURLToPath(new URL('csp-child.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--import', 'tsx', '-C', '@vmbus/source', script],
      {
        cwd: fileURLToPath(new URL('../../..', import.meta.url)),
        timeout: 100_000,
      },
    )
    expect(JSON.parse(stdout)).toEqual({
      forbidden: true,
      bytes: '0300010000000200000000000000',
      type: 3,
      compiled: 'EvalError',
    })
  })
})
