// The same properties: in this tier they run many times as often.
import './versions.test.ts'
