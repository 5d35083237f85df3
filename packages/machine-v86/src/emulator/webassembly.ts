/**
 * The few parts of the JavaScript WebAssembly interface in use. TypeScript declares it only together with the browser's
 * whole DOM, which a library for Node must not see.
 */
export type WasmImports = Record<string, unknown>
export type WasmExports = Readonly<Record<string, unknown>>
export interface WasmMemory {
  readonly buffer: ArrayBuffer
}
interface WasmModule {
  readonly [Symbol.toStringTag]: string
}
interface WasmInterface {
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WasmModule>
  validate(bytes: Uint8Array<ArrayBuffer>): boolean
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, WasmImports>>,
  ) => { readonly exports: WasmExports }
}

export const wasm: WasmInterface = (globalThis as typeof globalThis & { readonly WebAssembly: WasmInterface })
  .WebAssembly
