/** The separator of the guest's paths; Windows takes both. */
export type Separator = '/' | '\\'

/**
 * The file that a START names, or undefined when the name is more than a name or the path leads out of itself: an empty
 * name, `.` or `..`, a separator or a NUL in the name, a `..` in the path, or what Windows takes for one of these: it
 * drops spaces and dots at the end, reads `name:stream`, and has devices under names of every folder.
 */
export function targetPath(path: string, name: string, separator: Separator): string | undefined {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name) || path.includes('\0')) return undefined
  const parts = separator === '/' ? path.split('/') : path.split(/[/\\]/)
  if (parts.includes('..')) return undefined
  if (separator === '\\' && (isWindowsOdd(name) || parts.some((part) => part !== '.' && /^[. ]+$/.test(part))))
    return undefined
  return path === '' || path.endsWith(separator) ? `${path}${name}` : `${path}${separator}${name}`
}

/** A name that Windows does not take as it is written (Microsoft's documentation of file names). */
const isWindowsOdd = (name: string): boolean =>
  name.includes(':') ||
  /[. ]$/.test(name) ||
  /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³]) *(?:\.|$)/i.test(name)

/** The folder of a file. */
export const folderOf = (file: string, separator: Separator): string =>
  file.slice(0, Math.max(0, file.lastIndexOf(separator))) || separator
