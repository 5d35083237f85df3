export {
  requestTable,
  savedRequests,
  type RequestTable,
  type RequestTableOptions,
  type SavedRequests,
} from './table.ts'
