export { createGrant } from './gpadl.ts'
export { copyFromRanges, copyToRanges, rangesLength, segmentsOfRanges, sliceRanges } from './ranges.ts'
