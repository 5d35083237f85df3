/** The separator of the guest's paths; Windows takes both. */
export type Separator = '/' | '\\'

/**
 * The file that a START names, or undefined when the name is more than a name or the path leads out of itself: an empty
 * name, `.` or `..`, a separator or a NUL in the name, a `..` in the path, or (Windows) a stream or a device name.
 */
export function targetPath(path: string, name: string, separator: Separator): string | undefined {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name) || path.includes('\0')) return undefined
  const parts = separator === '/' ? path.split('/') : path.split(/[/\\]/)
  if (parts.includes('..')) return undefined
  if (separator === '\\' && (name.includes(':') || /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(name)))
    return undefined
  return path === '' || path.endsWith(separator) ? `${path}${name}` : `${path}${separator}${name}`
}

/** The folder of a file. */
export const folderOf = (file: string, separator: Separator): string =>
  file.slice(0, Math.max(0, file.lastIndexOf(separator))) || separator
