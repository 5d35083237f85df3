/** What the compiler and the interpreter both produce from a struct. Values are untyped here; `struct` types them. */
export interface Codec {
  readonly decode: (view: DataView, offset?: number) => unknown
  readonly encode: (value: unknown, view: DataView, offset?: number) => void
  readonly encodeChecked: (value: unknown, view: DataView, offset?: number) => void
  readonly read: Readonly<Record<string, (view: DataView, offset?: number) => unknown>>
  readonly write: Readonly<Record<string, (view: DataView, offset: number, value: unknown) => void>>
}
