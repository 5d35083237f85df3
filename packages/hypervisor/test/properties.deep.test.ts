// The same properties: in this tier they run a hundred times as often.
import './properties.test.ts'
