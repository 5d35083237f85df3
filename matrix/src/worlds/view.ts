import { ProbeError } from '../probes/errors.ts'

/** Plain values of fields by name; one that is not among `reads` throws ProbeError. */
export function view(
  what: string,
  fields: Readonly<Record<string, { readonly value: unknown }>>,
  reads: readonly string[],
): Readonly<Record<string, unknown>> {
  const values = Object.fromEntries(reads.map((name) => [name, fields[name]?.value]))
  return new Proxy(values, {
    get(target, name) {
      if (typeof name === 'symbol') return undefined
      if (!(name in target)) throw new ProbeError(`the probe reads ${name} of the ${what}, which it does not declare`)
      return target[name]
    },
  })
}
