export { requestTable, savedRequests, type RequestTable, type SavedRequests } from './table.ts'
