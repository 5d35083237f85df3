/** Case, blanks, dots and dashes say nothing in a name; a plus sign begins the way to get drivers. */
export const compact = (text: string): string => text.toLowerCase().replaceAll(/[\s_./-]+/g, '')
