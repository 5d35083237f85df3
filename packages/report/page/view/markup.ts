const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** A text as it stands in HTML, between tags and within the quotes of an attribute. */
export const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign)

/** An element as HTML; `content` is HTML already, attributes are texts. */
export function element(name: string, attributes: Readonly<Record<string, string | number>>, content = ''): string {
  const said = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
  return `<${name}${said.join('')}>${content}</${name}>`
}
