export { LayoutError, type LayoutErrorCode, type LayoutErrorDetail } from './errors.ts'
export type { FieldInfo } from './fields.ts'
export { struct, type Layout, type LayoutInfo, type Sparse, type StructOptions, type ValueOf } from './layout.ts'
export type { Node, StructField, StructNode } from './node.ts'
export type { Fields } from './place.ts'
export {
  array,
  ascii,
  at,
  be,
  bits,
  bytes,
  guid,
  i16,
  i32,
  i64,
  i8,
  pad,
  rest,
  rounded,
  u16,
  u32,
  u64,
  u64n,
  u8,
  union,
  utf16,
  type Infer,
  type IntType,
  type Type,
  type Union,
} from './types.ts'
