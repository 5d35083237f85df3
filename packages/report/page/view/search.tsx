import { useMemo, useRef, useState } from 'preact/hooks'
import { search, type Hit } from '../model/search.ts'
import { parseRoute } from '../model/route.ts'
import { go, linkTo, type Page } from './page.ts'

/** Finds guests, hosts and cells as one types; a combobox whose list the arrow keys walk. */
export function Search({ page, placeholder }: { page: Page; placeholder: string }) {
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState('')
  const [focused, setFocused] = useState(false)
  const [at, setAt] = useState(0)
  const hits = useMemo(() => search(page.model, text), [page.model, text])
  const shown = focused && text.trim() !== ''
  const leave = () => {
    setText('')
    input.current?.blur()
  }
  const follow = ({ hash }: Hit) => {
    const { view, id, query } = parseRoute(hash)
    go(linkTo(page.route, view, id, query))
    leave()
  }
  const pressed = (event: KeyboardEvent) => {
    const hit = hits[at]
    if (event.key === 'ArrowDown') setAt((now) => Math.min(hits.length - 1, now + 1))
    else if (event.key === 'ArrowUp') setAt((now) => Math.max(0, now - 1))
    else if (event.key === 'Enter' && hit !== undefined) follow(hit)
    else if (event.key === 'Escape') leave()
    else return
    event.preventDefault()
  }
  return (
    <div class="search" role="search">
      <input
        id="search"
        ref={input}
        role="combobox"
        aria-label="Find a guest, a host or a cell"
        aria-expanded={shown}
        aria-controls="hits"
        aria-autocomplete="list"
        aria-activedescendant={shown && hits.length > 0 ? `hit-${at}` : undefined}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value)
          setAt(0)
        }}
        onKeyDown={pressed}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul id="hits" class="hits" role="listbox" aria-label="Found" hidden={!shown || hits.length === 0}>
        {hits.map((hit, index) => (
          <li
            key={hit.hash}
            id={`hit-${index}`}
            role="option"
            aria-selected={index === at}
            onMouseDown={(event) => {
              event.preventDefault()
              follow(hit)
            }}
          >
            <span>{hit.text}</span>
            <small>{hit.hint}</small>
          </li>
        ))}
      </ul>
      {shown && hits.length === 0 && (
        <p class="hits none" role="status">
          Nothing by that name. Try “rhel 7.9”, “ws2019”, “debian 12 ws2022 trim”.
        </p>
      )}
    </div>
  )
}
