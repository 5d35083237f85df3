import { punchAll, type ByteStore } from '../store.ts'
import { hasLog, MB, updateHeaders } from './header.ts'
import { identityFor, type VhdxFile } from './file.ts'
import { ZERO_GUID } from './guid.ts'
import { SECTOR, encodeEntry, entrySize, type EntryToWrite } from './log.ts'

/** Clean pages kept in memory: 16 MiB. */
const CLEAN_PAGES = 4096
/** Staged pages that make `settle` commit. One step of an operation stages at most 20 (a block of 256 MiB has 16 of bitmap). */
const MANY_PAGES = 48

/** The page of 4 KiB at a file offset, with what is staged. */
export function pageAt(file: VhdxFile, offset: number): Uint8Array {
  const known = file.pages.get(offset)
  if (known !== undefined) return known
  if (file.pages.size - file.dirtyPages.size > CLEAN_PAGES) {
    for (const each of file.pages.keys()) if (!file.dirtyPages.has(each)) file.pages.delete(each)
  }
  const page = new Uint8Array(SECTOR)
  file.store.read(offset, page)
  file.pages.set(offset, page)
  return page
}

/** Forgets pages of a place that becomes something else. */
export function forgetPages(file: VhdxFile, offset: number, length: number): void {
  for (let at = offset; at < offset + length; at += SECTOR) {
    file.pages.delete(at)
    file.dirtyPages.delete(at)
  }
}

/** Stages bytes at any file offset outside the BAT and the payload. */
export function patch(file: VhdxFile, offset: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    const at = Math.floor((offset + done) / SECTOR) * SECTOR
    const within = offset + done - at
    const count = Math.min(bytes.length - done, SECTOR - within)
    const piece = bytes.subarray(done, done + count)
    const page = pageAt(file, at)
    if (piece.some((byte, i) => byte !== page[within + i])) {
      page.set(piece, within)
      file.dirtyPages.add(at)
    }
    done += count
  }
}

/** Before the first change of a session: new identifiers of the file and of its contents (2.2.2). */
export function begin(file: VhdxFile): void {
  if (file.marked) return
  updateHeaders(file, {
    fileWriteGuid: identityFor(file, 'file-write'),
    dataWriteGuid: identityFor(file, 'data-write'),
  })
  file.marked = true
}

const staged = (file: VhdxFile): boolean => file.dirtyBat.size > 0 || file.dirtyPages.size > 0

/** Keeps what is staged small enough for one log entry. Called after every step that leaves the tables consistent. */
export function settle(file: VhdxFile): void {
  if (file.dirtyBat.size + file.dirtyPages.size >= MANY_PAGES) commit(file)
}

/**
 * Makes everything durable. What is staged becomes durable all at once, by one log entry:
 * payload and the pages of the entry before are flushed; the entry is written and flushed; its pages go to their places.
 * Since nothing older is pending then, an entry is always its own tail.
 */
export function commit(file: VhdxFile): void {
  const { store } = file
  store.flush()
  if (!staged(file)) return
  begin(file)
  for (const { offset, length } of file.pendingFree) file.space.free(offset, length)
  const freed = file.pendingFree
  file.pendingFree = []
  const end = file.space.end
  const shrink = freed.length > 0 && end < store.size
  try {
    writeEntry(file, end, shrink ? end : Math.floor(store.size / MB) * MB)
  } catch (error) {
    for (const { offset, length } of freed) file.space.reserve(offset, length)
    file.pendingFree = freed
    throw error
  }
  apply(file)
  if (shrink) store.truncate(end)
  punchAll(store, freed)
}

function pagesOf(file: VhdxFile): EntryToWrite['pages'] {
  const pages = [...file.dirtyPages].map((offset) => ({ offset, page: pageAt(file, offset) }))
  for (const index of file.dirtyBat) {
    pages.push({
      offset: file.regions.bat.offset + index * SECTOR,
      page: file.bat.subarray(index * SECTOR, (index + 1) * SECTOR),
    })
  }
  return pages
}

function writeEntry(file: VhdxFile, lastFileOffset: number, flushedFileOffset: number): void {
  const { store, log, header } = file
  const guid = (log.guid ??= identityFor(file, 'log'))
  const pages = pagesOf(file)
  const length = entrySize(pages.length)
  // Entries are at most a third of the log, so that one at the start never lies on the one before it.
  const at = log.at + length > header.logLength ? 0 : log.at
  store.write(
    header.logOffset + at,
    encodeEntry({ sequence: log.sequence, logGuid: guid, tail: at, flushedFileOffset, lastFileOffset, pages }),
  )
  store.flush()
  log.at = at + length
  log.sequence++
  // The first entry precedes the header that makes the log valid: a header naming a log without entries is corrupt.
  if (!hasLog(header)) updateHeaders(file, { logGuid: guid })
}

function apply(file: VhdxFile): void {
  const { store } = file
  writePages(store, pagesOf(file))
  file.dirtyBat.clear()
  file.dirtyPages.clear()
}

function writePages(store: ByteStore, pages: EntryToWrite['pages']): void {
  for (const { offset, page } of pages) store.write(offset, page)
}

/** Leaves a file that needs no replay. */
export function finish(file: VhdxFile): void {
  commit(file)
  if (!hasLog(file.header)) return
  file.store.flush()
  updateHeaders(file, { logGuid: ZERO_GUID })
  file.log.guid = undefined
  file.log.at = 0
  file.log.sequence = 1n
}
